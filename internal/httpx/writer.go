package httpx

import (
	"io"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// readFromSize is how much of a file goes out under one write deadline: the
// slowest client that is not cut off takes this much in the time of patience.
const readFromSize = 1 << 20

// A responseWriter notes the status and size of a response and gives up on
// clients that do not take it.
type responseWriter struct {
	http.ResponseWriter
	patience patience
	buffers  *sync.Pool // of *[]byte
	status   int        // 0 until the header is written
	bytes    int64      // of the body, as sent
	head     bool       // whatever is written, nothing is sent
	record   *Record
}

// Unwrap lets [http.ResponseController] reach the connection.
func (w *responseWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *responseWriter) WriteHeader(status int) {
	if w.status == 0 && (status >= http.StatusOK || status == http.StatusSwitchingProtocols) {
		w.status = status
	}
	if status == http.StatusTooManyRequests {
		w.Header().Set("Retry-After", strconv.Itoa(max(1, int(w.record.RetryAfter.Round(time.Second)/time.Second))))
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *responseWriter) Write(p []byte) (int, error) {
	w.begin()
	n, err := w.ResponseWriter.Write(p)
	w.count(int64(n))
	return n, err
}

func (w *responseWriter) WriteString(s string) (int, error) {
	w.begin()
	n, err := io.WriteString(w.ResponseWriter, s)
	w.count(int64(n))
	return n, err
}

// ReadFrom hands a file on to the connection, which lets the kernel send it.
// The connection recognizes only an *os.File or an *io.LimitedReader of one, so
// that is what it gets.
func (w *responseWriter) ReadFrom(src io.Reader) (int64, error) {
	to, ok := w.ResponseWriter.(io.ReaderFrom)
	if !ok {
		return w.copyFrom(src)
	}
	limited, ok := src.(*io.LimitedReader)
	if !ok {
		limited = &io.LimitedReader{R: src, N: 1<<63 - 1}
	}
	part := io.LimitedReader{R: limited.R}
	var total int64
	for limited.N > 0 {
		w.begin()
		size := min(limited.N, readFromSize)
		part.N = size
		n, err := to.ReadFrom(&part)
		w.count(n)
		total += n
		limited.N -= size - part.N
		if err != nil || part.N > 0 { // failed, or at its end
			return total, err
		}
	}
	return total, nil
}

// copyFrom serves where the connection cannot send files, as in HTTP/2.
func (w *responseWriter) copyFrom(src io.Reader) (int64, error) {
	buffer := w.buffers.Get().(*[]byte)
	defer w.buffers.Put(buffer)
	return io.CopyBuffer(struct{ io.Writer }{w}, struct{ io.Reader }{src}, *buffer)
}

// FlushError implements what [http.ResponseController] looks for.
func (w *responseWriter) FlushError() error {
	w.begin()
	return http.NewResponseController(w.ResponseWriter).Flush()
}

// Flush implements [http.Flusher].
func (w *responseWriter) Flush() { _ = w.FlushError() } // a Flusher has no way to say it

func (w *responseWriter) begin() {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	w.patience.extend()
}

func (w *responseWriter) count(n int64) {
	if !w.head {
		w.bytes += n
	}
}

// finish prepares for what net/http still has to send: the deadline of an
// earlier request on the connection must not meet a response that wrote
// nothing. Unless the handler broke off, such a response is a 200.
func (w *responseWriter) finish(aborted bool) {
	w.patience.extend()
	if w.status == 0 && !aborted {
		w.status = http.StatusOK
	}
}
