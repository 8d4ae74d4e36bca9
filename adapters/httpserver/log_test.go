package httpserver_test

import (
	"fmt"
	"strings"
	"testing"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/ostiary/ostiary/adapters/httpserver"
)

// canary is the value of secrets that a client sends.
const canary = "sk_live_canary"

// TestNothingThatAClientSentIsLogged sends a secret in every part of a request, malformed and not, with everything
// logged that can be.
func TestNothingThatAClientSentIsLogged(t *testing.T) {
	t.Parallel()
	core, logged := observer.New(zap.DebugLevel)
	route := func(r *httpserver.Request) error {
		_, err := r.Query()
		if err == nil && r.HasBody() {
			err = r.Decode(new(struct{}))
		}
		if err != nil {
			return err
		}
		return ok(r)
	}
	address, server := start(t, httpserver.Config{Log: zap.New(core), MetricsAddress: "127.0.0.1:0"}, testAPI(
		get("/users/{user_id}", httpserver.SignedIn(), route), post("/echo", httpserver.Public(), route),
	))
	fields := "Host: x\r\nAuthorization: Bearer " + canary + "\r\n"
	for _, request := range []string{
		"GET\r\n" + fields + "\r\n",
		"GET /\r\n" + fields + "\r\n",
		"GET " + canary + " HTTP/1.1\r\n" + fields + "\r\n",
		"GET /a" + canary + " HTTP/7\r\n" + fields + "\r\n",
		canary + "@ / HTTP/1.1\r\n" + fields + "\r\n",
		canary + " / HTTP/1.1\r\n" + fields + "\r\n",
		"GET /" + canary + "\x01 HTTP/1.1\r\n" + fields + "\r\n",
		"GET http://" + canary + "%zz@x/ HTTP/1.1\r\n" + fields + "\r\n",
		"GET / HTTP/1.1\r\n" + fields + "Host: " + canary + "\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: " + canary + "<>\r\n\r\n",
		"GET / HTTP/1.1\r\n" + fields + canary + "\r\n\r\n",
		"GET / HTTP/1.1\r\n" + fields + "X " + canary + " : y\r\n\r\n",
		"GET / HTTP/1.1\r\n" + fields + "X: " + canary + "\x00\r\n\r\n",
		"GET / HTTP/1.1\r\n" + fields + "Content-Length: " + canary + "\r\n\r\n",
		"GET / HTTP/1.1\r\n" + fields + "Transfer-Encoding: " + canary + "\r\n\r\n",
		"GET / HTTP/1.1\r\n" + fields + "Trailer: Content-Length, " + canary + "\r\n\r\n",
		"GET / HTTP/1.1\r\n" + fields + "X: " + strings.Repeat(canary, 2000) + "\r\n\r\n",
		"GET " + prefix + "/none?token=" + canary + " HTTP/1.1\r\n" + fields + "\r\n",
		"GET " + prefix + "/users/" + canary + "?a=" + canary + "%zz HTTP/1.1\r\n" + fields + "\r\n",
		"POST " + prefix + "/echo?a=%zz" + canary + " HTTP/1.1\r\n" + fields + "Cookie: a=" + canary + "\r\nReferer: " +
			canary + "\r\n\r\n",
		"POST " + prefix + "/echo HTTP/1.1\r\n" + fields + "Content-Type: application/" + canary +
			"\r\nContent-Length: 2\r\n\r\n{}",
		"POST " + prefix + "/echo HTTP/1.1\r\n" + fields + "Transfer-Encoding: chunked\r\n\r\n" + canary + "\r\n\r\n",
		"POST " + prefix + "/echo HTTP/1.1\r\n" + fields + "Transfer-Encoding: chunked\r\n\r\n2\r\n{}" + canary + "\r\n\r\n",
		"POST " + prefix + "/echo HTTP/1.1\r\n" + fields + "Transfer-Encoding: chunked\r\n\r\n0\r\n" + canary +
			"\x00: x\r\n\r\n",
		"POST " + prefix + "/echo HTTP/1.1\r\n" + fields + "Content-Length: 99\r\n\r\n" + canary, // and no more
		jsonRequest(`{"a":"` + canary + `"}`), jsonRequest(`{"a":"` + canary), jsonRequest(`"` + canary + `"`),
	} {
		exchange(t, address, request)
		exchange(t, server.MetricsAddr().String(), request)
	}
	exchange(t, server.MetricsAddr().String(), "GET /"+canary+";?a="+canary+";b HTTP/1.1\r\n"+fields+
		"Connection: close\r\n\r\n")
	if err := server.Close(t.Context()); err != nil { // and with it the last lines are written
		t.Fatal(err)
	}
	if logged.Len() == 0 || logged.FilterMessage("connection failed").Len() == 0 {
		t.Error("nothing is logged: the test looks in the wrong place")
	}
	for _, entry := range logged.All() {
		if text := fmt.Sprint(entry.Message, entry.ContextMap()); strings.Contains(text, "canary") {
			t.Errorf("logged at %s: %.300s", entry.Level, text)
		}
	}
}

func jsonRequest(body string) string {
	return fmt.Sprintf(
		"POST %s/echo HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", prefix, len(
			body), body)
}
