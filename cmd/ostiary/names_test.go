package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"image/png"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
	"github.com/pquerna/otp"

	"github.com/ostiary/ostiary/config"
)

// TestInstallationIsNamedByPublicHost checks that mail servers and authenticator apps get the host of http.public_url,
// not the name of a container or of the product.
func TestInstallationIsNamedByPublicHost(t *testing.T) {
	t.Parallel()
	hello := make(chan string, 8)
	address := running(t, hello).HTTP.Address
	const password = "Correct-horse-battery-7"
	login := ask(t, address, "", http.MethodPost, "/auth/login", `{"username":"root","password":"`+password+`"}`)
	token := login["access_token"]
	me := ask(t, address, token, http.MethodGet, "/auth/verify", "")["user_id"]
	ask(t, address, token, http.MethodPost, "/users", `{"username":"ada+x","email":"ada@example.org"}`)
	if got := <-hello; got != "id.example.org" {
		t.Errorf("EHLO name %q, want id.example.org", got)
	}
	setup := ask(t, address, token, http.MethodPost, "/users/"+me+"/2fa/enable", `{"password":"`+password+`"}`)
	uri := "otpauth://totp/id.example.org:root?secret=" + setup["secret"] +
		"&issuer=id.example.org&algorithm=SHA1&digits=6&period=30"
	if setup["qr_code"] != qrCode(t, uri) {
		t.Errorf("the QR code does not encode %s", strings.ReplaceAll(uri, setup["secret"], "…"))
	}
}

// running starts the service with a mail server that reports the EHLO names it receives, and returns its configuration.
func running(t *testing.T, hello chan<- string) config.Config {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	mails := smtp.NewServer(greeted(hello))
	go func() { _ = mails.Serve(listener) }()
	c := config.Default()
	c.HTTP.PublicURL = "https://id.example.org:8443"
	c.DataDir = t.TempDir()
	c.Bootstrap = config.Bootstrap{
		Username: "root", Email: "root@example.org", Password: "Correct-horse-battery-7", Role: "admin",
	}
	c.Mail = config.Mail{Driver: config.DriverSMTP, SMTP: config.SMTP{
		Address: listener.Addr().String(), From: "accounts@example.org", TLS: config.TLSNone, Timeout: 10 * time.Second,
	}}
	t.Cleanup(func() { _ = mails.Close() })
	c.HTTP.Address = started(t, c)
	return c
}

// started starts the service on a free port, without metrics, and returns its address.
func started(t *testing.T, c config.Config) string {
	t.Helper()
	address, err := freeAddress()
	if err != nil {
		t.Fatal(err)
	}
	c.HTTP.Address, c.Metrics.Address = address, config.Off
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- serve(ctx, c) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Errorf("the service ended with %v", err)
		}
	})
	awaitReady(t, address, ended)
	return address
}

// awaitReady waits until the service responds.
func awaitReady(t *testing.T, address string, ended chan error) {
	t.Helper()
	for {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+address+"/readyz", nil)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := http.DefaultClient.Do(request)
		if err == nil {
			_ = answer.Body.Close()
			return
		}
		select {
		case err := <-ended:
			ended <- err
			t.Fatalf("the service did not start: %v", err)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

func ask(t *testing.T, address, token, method, path, body string) map[string]string {
	t.Helper()
	url := "http://" + address + "/api/v1/security" + path
	request, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Authorization", "Bearer "+token)
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode >= http.StatusMultipleChoices {
		t.Fatalf("%s %s: %d %s, %v", method, path, answer.StatusCode, text, err)
	}
	var members map[string]any
	if err := json.Unmarshal(text, &members); err != nil {
		t.Fatal(err)
	}
	texts := map[string]string{}
	for name, value := range members {
		texts[name], _ = value.(string)
	}
	return texts
}

func qrCode(t *testing.T, uri string) string {
	t.Helper()
	key, err := otp.NewKeyFromURL(uri)
	if err != nil {
		t.Fatal(err)
	}
	picture, err := key.Image(256, 256)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := png.Encode(&b, picture); err != nil {
		t.Fatal(err)
	}
	return "data:image/png;base64," + base64.StdEncoding.EncodeToString(b.Bytes())
}

// greeted is a mail server that accepts every e-mail and reports the name in EHLO.
type greeted chan<- string

func (g greeted) NewSession(c *smtp.Conn) (smtp.Session, error) {
	g <- c.Hostname()
	return taken{}, nil
}

type taken struct{}

func (taken) Mail(string, *smtp.MailOptions) error { return nil }
func (taken) Rcpt(string, *smtp.RcptOptions) error { return nil }
func (taken) Data(r io.Reader) error {
	_, err := io.Copy(io.Discard, r)
	return err
}
func (taken) Reset()        {}
func (taken) Logout() error { return nil }
