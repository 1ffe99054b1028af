package awsjson

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
)

// respond sends what an operation returned.
func (x *exchange) respond(out any) {
	buffer := x.buffer()
	defer x.recycle(buffer)
	body, err := encode(buffer, out)
	if err != nil {
		x.refuse(fmt.Errorf("encode response: %w", err))
		return
	}
	x.write(http.StatusOK, body)
}

// encode writes a response as JSON. No response is an empty object.
func encode(buffer *bytes.Buffer, out any) ([]byte, error) {
	encoder := json.NewEncoder(buffer)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(out); err != nil {
		return nil, err
	}
	body := bytes.TrimSuffix(buffer.Bytes(), []byte("\n"))
	if string(body) == "null" {
		return []byte("{}"), nil
	}
	return body, nil
}

// write sends a whole response at once.
func (x *exchange) write(status int, body []byte) {
	header := x.w.Header()
	header.Set("Content-Type", x.contentType)
	header.Set("Content-Length", strconv.Itoa(len(body)))
	header.Set("X-Amzn-Requestid", x.requestID)
	x.w.WriteHeader(status)
	_, _ = x.w.Write(body) // a caller that has gone needs no answer
}
