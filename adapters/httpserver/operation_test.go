package httpserver_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/ostiary/ostiary/adapters/httpserver"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
	"github.com/ostiary/ostiary/ports"
)

type operation = func(ctx context.Context, lines *httpserver.Lines) (any, error)

// long serves an operation at /long.
func long(t *testing.T, do operation) (address string, denied func() int) {
	t.Helper()
	api := testAPI(post("/long", httpserver.SignedIn(), func(r *httpserver.Request) error { return r.Long(do) }))
	refusals := make(chan string, 10)
	api.Denied = func(_ context.Context, _ domain.Principal, route string) error {
		refusals <- route
		return nil
	}
	address, _ = start(t, httpserver.Config{}, api)
	return address, func() int { return len(refusals) }
}

const (
	good   = "Authorization: Bearer good"
	linesA = "Accept: " + httpserver.LinesType
)

func counted(_ context.Context, lines *httpserver.Lines) (any, error) {
	lines.Progress(httpserver.Progress{Done: 1, Total: 2, What: "users"})
	lines.Send("row", map[string]any{"line": 7})
	return map[string]any{"done": 2}, nil
}

func TestLongOperationReportsLinesOrThePlainResult(t *testing.T) {
	t.Parallel()
	address, _ := long(t, counted)
	plain := call(t, http.MethodPost, address, prefix+"/long", "", good)
	if plain.Status != http.StatusOK || plain.Raw != `{"done":2}` {
		t.Errorf("%d %s", plain.Status, plain.Raw)
	}
	streamed := call(t, http.MethodPost, address, prefix+"/long", "", good, linesA)
	want := `{"progress":{"done":1,"total":2,"what":"users"}}` + "\n" + `{"row":{"line":7}}` + "\n" +
		`{"result":{"done":2}}` + "\n"
	if streamed.Raw != want || streamed.Header.Get("Content-Type") != httpserver.LinesType {
		t.Errorf("%v\n%s", streamed.Header, streamed.Raw)
	}
	older, _ := rawCall(t, address, "POST "+prefix+"/long HTTP/1.0\r\n"+good+"\r\n"+linesA+"\r\n\r\n")
	if older.Raw != `{"done":2}` {
		t.Errorf("to HTTP/1.0, which has no chunks: %s", older.Raw)
	}
}

func TestFailedLongOperationEndsWithTheErrorBody(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		do     operation
		status int
		code   string
		denied int
	}{
		"a refusal": {
			func(context.Context, *httpserver.Lines) (any, error) { return nil, fault.ErrForbidden }, 403,
			"forbidden", 1,
		},
		"an outage": {func(context.Context, *httpserver.Lines) (any, error) {
			return nil, fault.ErrOverloaded.Because(errors.New("the private cause"))
		}, 503, "storage_unavailable", 0},
		"a panic": {func(context.Context, *httpserver.Lines) (any, error) { panic("the private cause") }, 500, "internal", 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			address, denied := long(t, test.do)
			wantFailure(t, call(t, http.MethodPost, address, prefix+"/long", "", good), test.status, test.code)
			a := call(t, http.MethodPost, address, prefix+"/long", "", good, linesA)
			if a.Status != http.StatusOK || a.code() != test.code || a.Body["status"] != float64(test.status) ||
				a.Body["request_id"] != a.Header.Get("X-Request-Id") || strings.Contains(a.Raw, "private") {
				t.Errorf("%d %s", a.Status, a.Raw)
			}
			if denied() != 2*test.denied {
				t.Errorf("%d refusals recorded", denied())
			}
		})
	}
}

// lines starts a streamed request and returns a reader of its lines.
func lines(t *testing.T, address, path string, body io.Reader) (*bufio.Reader, func()) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+address+prefix+path, body)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer good")
	req.Header.Set("Accept", httpserver.LinesType)
	req.Header.Set("Content-Type", httpserver.LinesType)
	transport := &http.Transport{}
	res, err := transport.RoundTrip(req) //nolint:bodyclose // the returned function closes it
	if err != nil {
		t.Fatal(err)
	}
	return bufio.NewReader(res.Body), func() { _ = res.Body.Close(); transport.CloseIdleConnections() }
}

func TestProgressArrivesWhileTheOperationRuns(t *testing.T) {
	t.Parallel()
	seen := make(chan struct{})
	address, _ := long(t, func(_ context.Context, lines *httpserver.Lines) (any, error) {
		lines.Progress(httpserver.Progress{Done: 1})
		<-seen
		return map[string]any{}, nil
	})
	reader, done := lines(t, address, "/long", nil)
	defer done()
	if line, err := reader.ReadString('\n'); err != nil || line != `{"progress":{"done":1}}`+"\n" {
		t.Fatalf("%q, %v", line, err)
	}
	close(seen)
	if line, err := reader.ReadString('\n'); err != nil || line != `{"result":{}}`+"\n" {
		t.Errorf("%q, %v", line, err)
	}
}

func TestOperationEndsWhenItsClientDisconnects(t *testing.T) {
	t.Parallel()
	ended := make(chan error, 1)
	address, _ := long(t, func(ctx context.Context, lines *httpserver.Lines) (any, error) {
		for ctx.Err() == nil {
			lines.Progress(httpserver.Progress{Done: 1})
		}
		ended <- ctx.Err()
		return nil, ctx.Err()
	})
	reader, done := lines(t, address, "/long", nil)
	if _, err := reader.ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	done()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// streaming serves a route that counts the lines of a body of any length.
func streaming(t *testing.T) string {
	t.Helper()
	route := post("/import", httpserver.SignedIn(), func(r *httpserver.Request) error {
		body := r.BodyStream()
		return r.Long(func(_ context.Context, lines *httpserver.Lines) (any, error) {
			scanner, n := bufio.NewScanner(body), 0
			for scanner.Scan() {
				n++
				lines.Progress(httpserver.Progress{Done: int64(n)})
			}
			return map[string]any{"lines": n}, scanner.Err()
		})
	})
	route.StreamsBody, route.Accepts = true, []string{httpserver.LinesType}
	address, _ := start(t, httpserver.Config{}, testAPI(route, post("/other", httpserver.SignedIn(), ok)))
	return address
}

func TestStreamedBodyHasNoLimitAndIsReadWhileItIsSent(t *testing.T) {
	t.Parallel()
	address := streaming(t)
	reader, writer := io.Pipe()
	go func() { _, _ = fmt.Fprintln(writer, "{}") }()
	answers, done := lines(t, address, "/import", reader)
	defer done()
	line := strings.Repeat("x", 1023) + "\n"
	for n := 1; n <= 1000; n++ {
		if got, err := answers.ReadString('\n'); err != nil || got != fmt.Sprintf("{\"progress\":{\"done\":%d}}\n", n) {
			t.Fatalf("line %d: %q, %v", n, got, err)
		}
		if _, err := io.WriteString(writer, line); err != nil {
			t.Fatal(err)
		}
	}
	_ = writer.Close()
	rest, err := io.ReadAll(answers)
	if err != nil || !strings.HasSuffix(string(rest), `{"result":{"lines":1001}}`+"\n") {
		t.Errorf("%s, %v", rest, err)
	}
}

func TestStreamedBodyIsRefusedBeforeItIsRead(t *testing.T) {
	t.Parallel()
	address := streaming(t)
	body := strings.Repeat(strings.Repeat("x", 1023)+"\n", 200)
	kind := "Content-Type: " + httpserver.LinesType
	plain := call(t, http.MethodPost, address, prefix+"/import", body, good, kind)
	if plain.Raw != `{"lines":200}` || !plain.Closes {
		t.Errorf("%d %s, closes: %t", plain.Status, plain.Raw, plain.Closes)
	}
	a := call(t, http.MethodPost, address, prefix+"/import", body, kind)
	wantFailure(t, a, http.StatusUnauthorized, "unauthorized")
	if !a.Closes {
		t.Error("the connection stays open with an unread body")
	}
	other := call(t, http.MethodPost, address, prefix+"/import", body, good, "Content-Type: text/csv")
	wantFailure(t, other, http.StatusUnsupportedMediaType, "unsupported_media_type")
	if message, _ := other.Body["message"].(string); !strings.Contains(message, httpserver.LinesType) {
		t.Errorf("the message %q does not name the media type", message)
	}
	wantFailure(t, call(t, http.MethodPost, address, prefix+"/other", body, good), http.StatusRequestEntityTooLarge,
		"body_too_large")
	wantFailure(t, call(t, http.MethodPut, address, prefix+"/import", body, good), http.StatusRequestEntityTooLarge,
		"body_too_large")
}

func TestBrokenStreamedBodyIsAFailure(t *testing.T) {
	t.Parallel()
	address := streaming(t)
	head := "POST " + prefix + "/import HTTP/1.1\r\nHost: x\r\n" + good + "\r\nContent-Type: " + httpserver.LinesType +
		"\r\n"
	a, answered := rawCall(t, address, head+"Transfer-Encoding: chunked\r\n\r\n3\r\n{}\n\r\nzz\r\n")
	if !answered {
		t.Fatal("no answer")
	}
	wantFailure(t, a, http.StatusBadRequest, "invalid_request")
	var last map[string]any
	a, _ = rawCall(t, address, head+linesA+"\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n{}\n\r\nzz\r\n")
	parts := strings.Split(strings.TrimSpace(a.Raw), "\n")
	if err := json.Unmarshal([]byte(parts[len(parts)-1]), &last); err != nil || last["error"] != "invalid_request" {
		t.Errorf("%s, %v", a.Raw, err)
	}
}

// TestBodyCutShortIsRefused sends bodies whose client closes its side of the connection early.
func TestBodyCutShortIsRefused(t *testing.T) {
	t.Parallel()
	stream := post("/stream", httpserver.SignedIn(), func(r *httpserver.Request) error {
		if _, err := io.ReadAll(r.BodyStream()); err != nil {
			return err
		}
		return r.JSON(http.StatusOK, map[string]any{})
	})
	stream.StreamsBody, stream.Accepts = true, []string{httpserver.LinesType}
	whole := post("/whole", httpserver.SignedIn(), func(r *httpserver.Request) error {
		return r.JSON(http.StatusOK, map[string]any{})
	})
	address, _ := start(t, httpserver.Config{}, testAPI(stream, whole))
	for body, want := range map[string]string{
		"Transfer-Encoding: chunked\r\n\r\n3\r\n{}\n\r\n0\r\n\r\n": "200",
		"Transfer-Encoding: chunked\r\n\r\n3\r\n{}\n\r\n":          "400",
		"Transfer-Encoding: chunked\r\n\r\n3\r\n{}\n\r\n3\r\n{":    "400",
		"Content-Length: 3\r\n\r\n{}\n":                            "200",
		"Content-Length: 30\r\n\r\n{}\n":                           "400",
	} {
		for path, kind := range map[string]string{"/stream": httpserver.LinesType, "/whole": "application/json"} {
			text := "POST " + prefix + path + " HTTP/1.1\r\nHost: x\r\n" + good + "\r\nContent-Type: " + kind + "\r\n" + body
			if got := halfClosed(t, address, text); got != want {
				t.Errorf("%s %q: got %s, want %s", path, body, got, want)
			}
		}
	}
}

// halfClosed sends a request, closes the client's side and returns the status of the response.
func halfClosed(t *testing.T, address, text string) string {
	t.Helper()
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if _, err := io.WriteString(conn, text); err != nil {
		t.Fatal(err)
	}
	if half, ok := conn.(*net.TCPConn); !ok || half.CloseWrite() != nil {
		t.Fatal("the connection cannot be closed on one side")
	}
	response, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil {
		return err.Error()
	}
	return strings.Fields(response)[1]
}

// TestLimitOfStorageTimeIsThatOfARequest checks that a request carries the measurement of ports.StorageTime, and that a
// long operation, which has no such limit, does not.
func TestLimitOfStorageTimeIsThatOfARequest(t *testing.T) {
	t.Parallel()
	report := func(ctx context.Context) string { return strconv.FormatBool(ports.StorageTimeOf(ctx) != nil) }
	address, _ := start(t, httpserver.Config{}, testAPI(
		post("/short", httpserver.SignedIn(), func(r *httpserver.Request) error {
			return r.Reply(report(r.Context()), nil)
		}),
		post("/long", httpserver.SignedIn(), func(r *httpserver.Request) error {
			return r.Long(func(ctx context.Context, _ *httpserver.Lines) (any, error) { return report(ctx), nil })
		})))
	for path, want := range map[string]string{"/short": `"true"`, "/long": `"false"`} {
		if got := call(t, http.MethodPost, address, prefix+path, "", good); got.Raw != want {
			t.Errorf("%s: %s, want %s", path, got.Raw, want)
		}
	}
}
