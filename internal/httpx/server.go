package httpx

import (
	"log/slog"
	"net/http"
	"time"
)

// NewServer returns an http.Server with the limits that suit a registry: 10 s
// and 64 KiB for a request's header, 2 minutes between two requests of a
// connection. There is no limit to the time of a whole request or response,
// because a layer may take hours; [NewHandler] ends those that stand still.
// What net/http has to say goes to log as warnings.
func NewServer(h http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
}
