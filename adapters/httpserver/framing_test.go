package httpserver_test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ostiary/ostiary/adapters/httpserver"
)

// exchange writes bytes as they are, ends its side of the connection and returns every final answer until the server
// ends its own.
func exchange(tb testing.TB, address, request string) (answers []answer) {
	tb.Helper()
	nc, err := net.Dial("tcp", address)
	if err != nil {
		tb.Fatal(err)
	}
	defer func() { _ = nc.Close() }()
	_ = nc.SetDeadline(time.Now().Add(30 * time.Second))
	if _, err := io.WriteString(nc, request); err != nil {
		tb.Fatal(err)
	}
	if half, ok := nc.(*net.TCPConn); ok {
		_ = half.CloseWrite()
	}
	for reader := bufio.NewReader(nc); ; {
		res, err := http.ReadResponse(reader, nil)
		if err != nil {
			return answers
		}
		if res.StatusCode == http.StatusContinue {
			continue
		}
		answers = append(answers, read(tb, res))
		_ = res.Body.Close()
	}
}

// framed serves POST /echo, which answers with the body, and counts the calls of GET /next.
func framed(t *testing.T) (address string, echoed, next *atomic.Int32) {
	t.Helper()
	echoed, next = new(atomic.Int32), new(atomic.Int32)
	address, _ = start(t, httpserver.Config{}, testAPI(
		post("/echo", httpserver.Public(), func(r *httpserver.Request) error {
			echoed.Add(1)
			return r.Raw(http.StatusOK, "application/json; charset=utf-8", r.Body())
		}),
		get("/next", httpserver.Public(), func(r *httpserver.Request) error {
			next.Add(1)
			return r.JSON(http.StatusOK, map[string]any{
				"key": r.Header("X-Api-Key"), "id": r.Origin.RequestID,
				"body": string(r.Body()),
			})
		}),
	))
	return address, echoed, next
}

const (
	echoLine = "POST " + prefix + "/echo HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
	nextOne  = "GET " + prefix + "/next HTTP/1.1\r\nHost: x\r\n\r\n"
)

// smuggling are heads that two recipients may frame differently, each with what would hide in its body.
var smuggling = map[string]string{
	"a length beside an empty chunked body":         "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
	"an empty chunked body beside a length":         "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
	"a length of zero beside an empty chunked body": "Content-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
	"a length beside chunks": "Content-Length: 2\r\nTransfer-Encoding: " +
		"chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
	"other cases of letters":              "CONTENT-length: 2\r\ntransfer-ENCODING: Chunked\r\n\r\n0\r\n\r\n",
	"identity beside a length":            "Content-Length: 2\r\nTransfer-Encoding: identity\r\n\r\n{}",
	"identity alone":                      "Transfer-Encoding: identity\r\n\r\n",
	"an empty coding":                     "Transfer-Encoding:\r\n\r\n",
	"an empty coding beside a length":     "Content-Length: 2\r\nTransfer-Encoding: \r\n\r\n{}",
	"identity, then chunked, in one list": "Transfer-Encoding: identity, chunked\r\n\r\n0\r\n\r\n",
	"chunked twice in one list":           "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
	"chunked, then identity": "Transfer-Encoding: chunked\r\nTransfer-Encoding: " +
		"identity\r\n\r\n0\r\n\r\n",
	"identity, then chunked": "Transfer-Encoding: identity\r\nTransfer-Encoding: " +
		"chunked\r\n\r\n0\r\n\r\n",
	"a parameter of chunked":                 "Transfer-Encoding: chunked;q=1\r\n\r\n0\r\n\r\n",
	"a quoted coding":                        "Transfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n",
	"a coding with a vertical tab":           "Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n",
	"a list with an empty element":           "Transfer-Encoding: ,chunked\r\n\r\n0\r\n\r\n",
	"two lengths":                            "Content-Length: 2\r\nContent-Length: 0\r\n\r\n{}",
	"the same length twice":                  "Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}",
	"a list of lengths":                      "Content-Length: 2,2\r\n\r\n{}",
	"an empty length":                        "Content-Length:\r\n\r\n",
	"a signed length":                        "Content-Length: +2\r\n\r\n{}",
	"a length with an underscore":            "Content-Length: 0_2\r\n\r\n{}",
	"a length beyond any number":             "Content-Length: 18446744073709551618\r\n\r\n{}",
	"a length with a carriage return":        "Content-Length: 2\r\r\n\r\n{}",
	"a space before the colon of the length": "Content-Length : 2\r\n\r\n{}",
	"a tab before the colon of the coding":   "Transfer-Encoding\t: chunked\r\n\r\n0\r\n\r\n",
	"a space within a name":                  "Content-Length: 0\r\nX Y: z\r\n\r\n",
	"a space before a name":                  "X-A: b\r\n Transfer-Encoding: chunked\r\n\r\n",
	"a tab before a name":                    "X-A: b\r\n\tContent-Length: 2\r\n\r\n{}",
	"a first line that is folded":            " X-A: b\r\nContent-Length: 0\r\n\r\n",
	"a bare LF between fields":               "X-A: b\nContent-Length: 0\r\n\r\n",
	"a bare LF before the coding":            "X-A: b\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
	"a bare LF at the end of the head":       "Content-Length: 0\r\n\n",
	"a bare CR between fields":               "X-A: b\rContent-Length: 2\r\n\r\n",
	"a NUL in a name":                        "Content-Length\x00: 2\r\n\r\n",
	"a name of nothing":                      ": x\r\nContent-Length: 0\r\n\r\n",
	"a line without a colon":                 "Content-Length 2\r\n\r\n",
	"a name that is no token":                "Content-Length: 0\r\n(X): y\r\n\r\n",
	"a bad size of a chunk":                  "Transfer-Encoding: chunked\r\n\r\n0x2\r\n{}\r\n0\r\n\r\n",
	"a negative size of a chunk":             "Transfer-Encoding: chunked\r\n\r\n-2\r\n{}\r\n0\r\n\r\n",
	"a size of a chunk beyond any number": "Transfer-Encoding: " +
		"chunked\r\n\r\n10000000000000002\r\n{}\r\n0\r\n\r\n",
	"a chunk that is longer than its size": "Transfer-Encoding: chunked\r\n\r\n2\r\n{}}\r\n0\r\n\r\n",
	"a bare LF after the size of a chunk":  "Transfer-Encoding: chunked\r\n\r\n2\n{}\r\n0\r\n\r\n",
	"a bare LF after a chunk":              "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\n0\r\n\r\n",
	"a bare LF in an extension of a chunk": "Transfer-Encoding: chunked\r\n\r\n2;a\n{}\r\n0\r\n\r\n",
	"a length in a trailer":                "Transfer-Encoding: chunked\r\n\r\n0\r\nContent-Length: 2\r\n\r\n",
	"a length beside an empty chunked body and Expect": "Expect: 100-continue\r\nContent-Length: " +
		"5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
}

// The test sends a request after each: its boundaries, and so its sender, are ambiguous.
func TestNothingAfterAnAmbiguousRequestIsAnswered(t *testing.T) {
	t.Parallel()
	address, echoed, next := framed(t)
	for name, fields := range smuggling {
		wantRefusedAlone(t, name, exchange(t, address, echoLine+fields+nextOne))
	}
	old := strings.Replace(echoLine, "HTTP/1.1", "HTTP/1.0", 1)
	for name, fields := range map[string]string{
		"chunks in HTTP/1.0": "Connection: keep-alive\r\nTransfer-Encoding: " +
			"chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
		"a length beside chunks in HTTP/1.0": "Connection: keep-alive\r\nContent-Length: 5\r\nTransfer-Encoding: " +
			"chunked\r\n\r\n0\r\n\r\n",
		"identity beside a length, in HTTP/1.0": "Connection: keep-alive\r\nContent-Length: 2\r\nTransfer-Encoding: " +
			"identity\r\n\r\n{}",
	} {
		wantRefusedAlone(t, name, exchange(t, address, old+fields+nextOne))
	}
	for name, line := range map[string]string{
		"a tab in the line":       "POST\t" + prefix + "/echo HTTP/1.1\r\n",
		"two spaces":              "POST  " + prefix + "/echo HTTP/1.1\r\n",
		"a space at the end":      "POST " + prefix + "/echo HTTP/1.1 \r\n",
		"a carriage return":       "POST " + prefix + "/echo\r HTTP/1.1\r\n",
		"a version of one digit":  "POST " + prefix + "/echo HTTP/1\r\n",
		"a later version":         "POST " + prefix + "/echo HTTP/1.2\r\n",
		"the preface of HTTP/2":   "PRI * HTTP/2.0\r\n",
		"a fragment":              "POST " + prefix + "/echo#x HTTP/1.1\r\n",
		"a version in lower case": "POST " + prefix + "/echo http/1.1\r\n",
	} {
		wantRefusedAlone(t, name, exchange(t, address, line+"Host: x\r\nContent-Length: 0\r\n\r\n"+nextOne))
	}
	for _, host := range []string{"", "a b", "a<b>", "a@b", "a/b", "a?b", "a#b", "a\\b", "a:b", "\u00e9", "a\x7f"} {
		request := strings.Replace(echoLine, "Host: x", "Host: "+host, 1)
		wantRefusedAlone(t, "the host "+host, exchange(t, address, request+"Content-Length: 0\r\n\r\n"+nextOne))
	}
	if echoed.Load() != 0 || next.Load() != 0 {
		t.Errorf("%d ambiguous requests and %d behind them were carried out", echoed.Load(), next.Load())
	}
}

func wantRefusedAlone(t *testing.T, name string, answers []answer) {
	t.Helper()
	if len(answers) != 1 {
		t.Errorf("%s: %d answers: %v", name, len(answers), answers)
		return
	}
	if a := answers[0]; a.Status != http.StatusBadRequest || a.code() != "invalid_request" || !a.Closes {
		t.Errorf("%s: %d, closes: %t, %s", name, a.Status, a.Closes, a.Raw)
	}
}

// TestRequestsThatAreFramedRightFollowEachOther sends another behind each, which must be answered as itself.
func TestRequestsThatAreFramedRightFollowEachOther(t *testing.T) {
	t.Parallel()
	address, _, next := framed(t)
	large := `"` + strings.Repeat("a", 60_000) + `"`
	for name, c := range map[string]struct{ request, body string }{
		"a length":                {echoLine + "Content-Length: 2\r\n\r\n{}", "{}"},
		"no body":                 {echoLine + "\r\n", ""},
		"a length of zero":        {echoLine + "Content-Length: 0\r\n\r\n", ""},
		"space around the length": {echoLine + "Content-Length: \t2 \r\n\r\n{}", "{}"},
		"chunks":                  {echoLine + "Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n1\r\n}\r\n0\r\n\r\n", "{}"},
		"chunks in capitals":      {echoLine + "TRANSFER-ENCODING: CHUNKED\r\n\r\n2\r\n{}\r\n0\r\n\r\n", "{}"},
		"an empty chunked body":   {echoLine + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", ""},
		"an extension of a chunk": {echoLine + "Transfer-Encoding: chunked\r\n\r\n2;a=b\r\n{}\r\n0;c\r\n\r\n", "{}"},
		"a trailer":               {echoLine + "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\nX-Sum: 1\r\n\r\n", "{}"},
		"a large body":            {echoLine + "Content-Length: 60002\r\n\r\n" + large, large},
		"a large chunked body": {
			echoLine + "Transfer-Encoding: chunked\r\n\r\nea62\r\n" + large + "\r\n0\r\n\r\n",
			large,
		},
		"Expect":                   {echoLine + "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n{}", "{}"},
		"Expect in capitals":       {echoLine + "Expect: 100-Continue\r\nContent-Length: 2\r\n\r\n{}", "{}"},
		"Expect with a large body": {echoLine + "Expect: 100-continue\r\nContent-Length: 60002\r\n\r\n" + large, large},
		"Expect with chunks": {echoLine +
			"Expect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", "{}"},
		"an empty line before": {"\r\n" + echoLine + "Content-Length: 2\r\n\r\n{}", "{}"},
		"a whole address as target": {strings.Replace(echoLine, prefix, "http://x"+prefix, 1) +
			"Content-Length: 2\r\n\r\n{}", "{}"},
		"HTTP/1.0 that is kept open": {strings.Replace(echoLine, "/1.1", "/1.0", 1) +
			"Connection: keep-alive\r\nContent-Length: 2\r\n\r\n{}", "{}"},
	} {
		answers := exchange(t, address, c.request+nextOne)
		if len(answers) != 2 || answers[0].Status != http.StatusOK || answers[0].Raw != c.body ||
			answers[1].Body["id"] == nil {
			t.Errorf("%s: %d answers: %.300v", name, len(answers), answers)
		}
	}
	for _, host := range []string{
		"id.example.org:8443", "[2001:db8::1]:8443", "192.0.2.1", "xn--bcher-kva.example", "a_b",
		"EXAMPLE.org.",
	} {
		answers := exchange(t, address, strings.Replace(nextOne, "Host: x", "Host: "+host, 1)+nextOne)
		if len(answers) != 2 || answers[0].Status != http.StatusOK {
			t.Errorf("the host %s: %v", host, answers)
		}
	}
	before := next.Load()
	withBody := strings.Replace(nextOne, "\r\n\r\n", "\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}",
		1)
	if answers := exchange(t, address, withBody+withBody+nextOne); len(answers) != 3 || answers[0].Body["body"] != "{}" ||
		next.Load() != before+3 {
		t.Errorf("a body of a GET: %v", answers)
	}
}

// TestNoTrailerIsTakenForAHeader: a proxy in front has not looked at it.
func TestNoTrailerIsTakenForAHeader(t *testing.T) {
	t.Parallel()
	address, _, _ := framed(t)
	request := strings.Replace(nextOne, "\r\n\r\n",
		"\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\nX-Request-ID: mine\r\n\r\n", 1)
	for _, body := range []string{"0\r\n", "2\r\n{}\r\n0\r\n"} {
		answers := exchange(t, address, request+body+"X-Api-Key: sk_live_1\r\nX-Request-ID: other\r\n\r\n")
		if len(answers) != 1 || answers[0].Status != http.StatusOK || answers[0].Body["key"] != "" ||
			answers[0].Body["id"] != "mine" {
			t.Errorf("%q: %v", body, answers)
		}
	}
}

// The option is matched in any case and in a list (RFC 9110, 7.6.1).
func TestAConnectionEndsWhereTheClientSaysSo(t *testing.T) {
	t.Parallel()
	address, _, next := framed(t)
	for _, fields := range []string{
		"Connection: close\r\n", "Connection: Close\r\n", "Connection: keep-alive, close\r\n",
		"Connection: close\r\nConnection: te\r\n",
	} {
		before := next.Load()
		answers := exchange(t, address, strings.Replace(nextOne, "\r\n\r\n", "\r\n"+fields+"\r\n", 1)+nextOne)
		if len(answers) != 1 || !answers[0].Closes || next.Load() != before+1 {
			t.Errorf("%q: %v", fields, answers)
		}
	}
}

// TestARefusedHeadNeedsNoBody: the answer comes while the client still waits to be asked for what it has announced.
func TestARefusedHeadNeedsNoBody(t *testing.T) {
	t.Parallel()
	address, _, _ := framed(t)
	for fields, status := range map[string]int{
		"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n":                         http.StatusBadRequest,
		"Content-Length: 5\r\nTransfer-Encoding: identity\r\n":                        http.StatusBadRequest,
		"Content-Length: 65537\r\n":                                                   http.StatusRequestEntityTooLarge,
		"Content-Length: 5\r\nContent-Encoding: gzip\r\n":                             http.StatusUnsupportedMediaType,
		"Transfer-Encoding: chunked\r\nContent-Encoding: br\r\n":                      http.StatusUnsupportedMediaType,
		"Content-Length: 65537\r\nExpect: 100-continue\r\n":                           http.StatusRequestEntityTooLarge,
		"Transfer-Encoding: chunked\r\nContent-Length: 5\r\nExpect: 100-continue\r\n": http.StatusBadRequest,
	} {
		if a, answered := rawCall(t, address, echoLine+fields+"\r\n"); !answered || a.Status != status || !a.Closes {
			t.Errorf("%q: %d %s", fields, a.Status, a.Raw)
		}
	}
}
