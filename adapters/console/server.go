package console

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/ostiary/ostiary/adapters/httpserver"
)

// API returns the operations as an API for the control socket, until each has a route of the Security API.
func API(caller Caller) httpserver.API {
	s := server{caller}
	return httpserver.API{Name: "rpc", Prefix: operationsPath[:len(operationsPath)-1], Routes: []httpserver.Route{
		{Method: http.MethodPost, Path: "/{operation}", Access: httpserver.Public(), Handler: s.serve},
	}}
}

type server struct{ caller Caller }

func (s server) serve(r *httpserver.Request) error {
	req := Request{Operation: r.Param("operation"), Input: r.Body()}
	return r.Stream(contentType, "", func(ctx context.Context, w io.Writer) error {
		out := json.NewEncoder(w)
		req.Progress = func(p Progress) {
			if b, ok := w.(*bufio.Writer); ok && out.Encode(line{Progress: &p}) == nil {
				_ = b.Flush()
			}
		}
		answer, err := s.do(ctx, req)
		if err != nil {
			return out.Encode(line{Failure: failureOf(err)})
		}
		return out.Encode(line{Output: answer.Output})
	})
}

// do keeps a panic in one operation from being one of the whole service.
func (s server) do(ctx context.Context, req Request) (answer Answer, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("operation %s panicked: %v", strings.ToValidUTF8(req.Operation, "?"), r)
		}
	}()
	return s.caller.Do(ctx, req)
}
