package httpserver_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/ostiary/ostiary/adapters/httpserver"
)

func streamed(t *testing.T, cfg httpserver.Config, write func(ctx context.Context, w io.Writer) error) (string,
	*httpserver.Server,
) {
	t.Helper()
	return start(t, cfg, testAPI(
		get("/export", httpserver.Public(),
			func(r *httpserver.Request) error { return r.Stream("text/csv", "audit.csv", write) }),
		get("/fine", httpserver.Public(), ok),
	))
}

// readStream reads a whole stream and returns how much came and how it ended.
func readStream(t *testing.T, address string) (http.Header, int64, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+address+prefix+"/export", nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	n, err := io.Copy(io.Discard, res.Body)
	return res.Header, n, err
}

func pieces(w io.Writer, n int) error {
	piece := []byte(strings.Repeat("x", 1023) + "\n")
	for range n {
		if _, err := w.Write(piece); err != nil {
			return err
		}
	}
	return nil
}

func TestAStreamOutlivesItsHandlersTimeLimit(t *testing.T) {
	t.Parallel()
	address, _ := streamed(t, httpserver.Config{HandlerTimeout: time.Nanosecond},
		func(ctx context.Context, w io.Writer) error {
			if err := ctx.Err(); err != nil {
				return err
			}
			return pieces(w, 20_000)
		})
	h, n, err := readStream(t, address)
	if err != nil || n != 20_000<<10 {
		t.Errorf("%d bytes, %v", n, err)
	}
	if h.Get("Content-Disposition") != `attachment; filename="audit.csv"` || h.Get("Content-Type") != "text/csv" ||
		h.Get("Cache-Control") != "no-store" {
		t.Errorf("%v", h)
	}
}

// TestTheHeadOfAStreamIsAllThatHEADGets: a byte of the body would be taken for the beginning of the next answer.
func TestTheHeadOfAStreamIsAllThatHEADGets(t *testing.T) {
	t.Parallel()
	address, _ := streamed(t, httpserver.Config{}, func(context.Context,
		io.Writer,
	) error {
		panic("nobody asked for a body")
	})
	nc := dial(t, address)
	_, _ = io.WriteString(nc, "HEAD "+prefix+"/export HTTP/1.1\r\nHost: x\r\n\r\nGET "+prefix+
		"/fine HTTP/1.1\r\nHost: x\r\n\r\n")
	reader := bufio.NewReader(nc)
	for _, method := range []string{http.MethodHead, http.MethodGet} {
		if line, err := reader.Peek(len("HTTP/1.1 200 OK")); err != nil || string(line) != "HTTP/1.1 200 OK" {
			t.Fatalf("%s is answered by %q, %v", method, line, err)
		}
		res, err := http.ReadResponse(reader, &http.Request{Method: method})
		if err != nil || method == http.MethodHead && res.Header.Get("Content-Disposition") == "" {
			t.Fatalf("%s: %v, %v", method, res, err)
		}
		_ = read(t, res)
		_ = res.Body.Close()
	}
}

// TestAStreamToAnOlderClientHasNoChunks: HTTP/1.0 has none, so the body ends with the connection.
func TestAStreamToAnOlderClientHasNoChunks(t *testing.T) {
	t.Parallel()
	for _, fields := range []string{"", "Connection: keep-alive\r\n"} {
		address, _ := streamed(t, httpserver.Config{}, func(_ context.Context, w io.Writer) error { return pieces(w, 100) })
		nc := dial(t, address)
		_, _ = io.WriteString(nc, "GET "+prefix+"/export HTTP/1.0\r\n"+fields+"\r\n")
		res, err := http.ReadResponse(bufio.NewReader(nc), nil)
		if err != nil {
			t.Fatal(err)
		}
		a := read(t, res)
		if len(res.TransferEncoding) > 0 || !a.Closes || len(a.Raw) != 100<<10 || a.Header.Get("X-Request-Id") == "" ||
			a.Status != http.StatusOK {
			t.Errorf("%q: %d, %v, closes: %t, %d bytes, %v", fields, a.Status, res.TransferEncoding, a.Closes, len(a.Raw),
				a.Header)
		}
		_ = res.Body.Close()
	}
	address, _ := streamed(t, httpserver.Config{}, func(_ context.Context,
		w io.Writer,
	) error {
		_ = pieces(w, 100)
		return errors.New("the disk is gone")
	})
	nc := dial(t, address)
	_, _ = io.WriteString(nc, "GET "+prefix+"/export HTTP/1.0\r\n\r\n")
	if n, err := io.Copy(io.Discard, nc); err == nil {
		t.Errorf("%d bytes were taken for the whole", n)
	}
}

func TestAStreamThatFailsIsNotTakenForWhole(t *testing.T) {
	t.Parallel()
	for name, write := range map[string]func(context.Context, io.Writer) error{
		"an error": func(_ context.Context, w io.Writer) error { _ = pieces(w, 100); return errors.New("the disk is gone") },
		"a panic":  func(_ context.Context, w io.Writer) error { _ = pieces(w, 100); panic("gone") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			address, _ := streamed(t, httpserver.Config{}, write)
			if _, n, err := readStream(t, address); err == nil {
				t.Errorf("%d bytes were taken for the whole", n)
			}
			if a := call(t, http.MethodGet, address, prefix+"/fine", ""); a.Status != http.StatusOK {
				t.Errorf("afterwards: %d", a.Status)
			}
		})
	}
}

func TestStalledReaderIsDisconnected(t *testing.T) {
	t.Parallel()
	ended := make(chan error, 1)
	address, _ := streamed(t, httpserver.Config{WriteTimeout: 50 * time.Millisecond},
		func(_ context.Context, w io.Writer) error {
			err := pieces(w, 1<<20)
			ended <- err
			return err
		})
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if _, err := io.WriteString(conn, "GET "+prefix+"/export HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err == nil {
		t.Error("a gigabyte was written to somebody who does not read")
	}
}

func TestShutdownLetsAStreamEnd(t *testing.T) {
	t.Parallel()
	began, release := make(chan struct{}), make(chan struct{})
	address, server := streamed(t, httpserver.Config{}, func(_ context.Context, w io.Writer) error {
		close(began)
		<-release
		return pieces(w, 1000)
	})
	type end struct {
		n   int64
		err error
	}
	read := make(chan end, 1)
	go func() {
		_, n, err := readStream(t, address)
		read <- end{n, err}
	}()
	<-began
	closed := make(chan error, 1)
	go func() { closed <- server.Close(t.Context()) }()
	for { // until it accepts no more
		conn, err := net.Dial("tcp", address)
		if err != nil {
			break
		}
		_ = conn.Close()
	}
	close(release)
	if e := <-read; e.err != nil || e.n != 1000<<10 {
		t.Errorf("%d bytes, %v", e.n, e.err)
	}
	if err := <-closed; err != nil {
		t.Error(err)
	}
}

func TestRedirectAndCookies(t *testing.T) {
	t.Parallel()
	address, _ := start(t, httpserver.Config{}, testAPI(
		get("/go", httpserver.Public(), func(r *httpserver.Request) error {
			r.SetCookie("flow", "abc", "/api", time.Minute, true)
			return r.Redirect("https://op.example.com/?a=b")
		}),
		get("/back", httpserver.Public(), func(r *httpserver.Request) error {
			value := r.Cookie("flow")
			r.SetCookie("flow", "", "/api", 0, true)
			return r.JSON(http.StatusOK, map[string]any{"flow": value})
		}),
	))
	a := call(t, http.MethodGet, address, prefix+"/go", "")
	cookie := a.Header.Get("Set-Cookie")
	if a.Status != http.StatusFound || a.Header.Get("Location") != "https://op.example.com/?a=b" {
		t.Errorf("%d %v", a.Status, a.Header)
	}
	for _, want := range []string{"flow=abc", "max-age=60", "path=/api", "HttpOnly", "secure", "SameSite=Lax"} {
		if !strings.Contains(cookie, want) {
			t.Errorf("%q lacks %s", cookie, want)
		}
	}
	a = call(t, http.MethodGet, address, prefix+"/back", "", "Cookie: flow=abc")
	if a.Body["flow"] != "abc" || !strings.Contains(a.Header.Get("Set-Cookie"), "expires=") {
		t.Errorf("%s %q", a.Raw, a.Header.Get("Set-Cookie"))
	}
}

// TestPipelinedRequestsAreAnsweredInOrder holds that the drain's bookkeeping does not lose buffered answers.
func TestPipelinedRequestsAreAnsweredInOrder(t *testing.T) {
	t.Parallel()
	address, _ := start(t, httpserver.Config{},
		testAPI(get("/n/{n}", httpserver.Public(), func(r *httpserver.Request) error {
			return r.JSON(http.StatusOK, map[string]any{"n": r.Param("n")})
		})))
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	names := []string{"a", "b", "c", "d"}
	var requests strings.Builder
	for _, n := range names {
		requests.WriteString("GET " + prefix + "/n/" + n + " HTTP/1.1\r\nHost: x\r\n\r\n")
	}
	if _, err := io.WriteString(conn, requests.String()); err != nil {
		t.Fatal(err)
	}
	reader := bufio.NewReader(conn)
	for _, n := range names {
		res, err := http.ReadResponse(reader, nil)
		if err != nil {
			t.Fatal(err)
		}
		a := read(t, res)
		_ = res.Body.Close()
		if a.Body["n"] != n {
			t.Errorf("got %s for %s", a.Raw, n)
		}
	}
}
