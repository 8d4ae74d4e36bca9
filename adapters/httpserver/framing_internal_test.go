package httpserver

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"testing"

	"github.com/valyala/fasthttp"
)

// FuzzFraming holds the framing of every head that is let through against what Go's own server reads in it: two
// recipients that differ on where a request ends let one be smuggled past the other.
func FuzzFraming(f *testing.F) {
	for _, fields := range []string{
		"Content-Length: 5\r\n\r\nhello", "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", "\r\n",
		"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "Transfer-Encoding: identity\r\n\r\n",
		"X: a\nContent-Length: 5\r\n\r\nhello",
		"X: a\r\n b\r\n\r\n", "X : a\r\n\r\n", "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
		"Connection: close, x\r\nExpect: 100-Continue\r\n\r\n",
	} {
		f.Add([]byte("POST / HTTP/1.1\r\nHost: x\r\n" + fields))
		f.Add([]byte("GET /a HTTP/1.0\r\nHost: x\r\n" + fields))
	}
	s := &Server{cfg: Config{BodyLimit: 64 << 10}}
	f.Fuzz(func(t *testing.T, raw []byte) {
		var h fasthttp.RequestHeader
		ours := bufio.NewReaderSize(bytes.NewReader(raw), 16<<10)
		if h.Read(ours) != nil {
			return
		}
		if s.onHead(&h); refusalOf(&h) != nil {
			return
		}
		theirs := bufio.NewReaderSize(bytes.NewReader(bytes.TrimLeft(raw, "\r\n")), 16<<10)
		req, err := http.ReadRequest(theirs)
		if err != nil {
			return // it is stricter elsewhere
		}
		want := req.ContentLength
		got := int64(h.ContentLength())
		if got == -2 { // neither a length nor chunks
			got = 0
		}
		if got != want || (got == -1) != (len(req.TransferEncoding) > 0) {
			t.Errorf("length %d here, %d there", got, want)
		}
		left, _ := io.ReadAll(ours)
		rest, _ := io.ReadAll(theirs)
		if !bytes.Equal(left, rest) {
			t.Errorf("the body begins at %q here, at %q there", left, rest)
		}
		if string(h.Method()) != req.Method || string(h.RequestURI()) != req.RequestURI || string(h.Host()) != req.Host &&
			req.URL.Host == "" {
			t.Errorf("%s %s of %s here, %s %s of %s there", h.Method(), h.RequestURI(), h.Host(), req.Method, req.RequestURI,
				req.Host)
		}
	})
}
