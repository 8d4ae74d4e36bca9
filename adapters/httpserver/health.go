package httpserver

import (
	"context"
	"net/http"
	"time"

	"github.com/ostiary/ostiary/core/fault"
)

type health struct {
	Status string `json:"status"`
}

// health is the endpoint for load balancers and supervisors. It is public and returns no details.
func (s *Server) health() API {
	return API{Name: "server", Routes: []Route{
		{Method: http.MethodGet, Path: "/healthz", Access: Public(), Handler: func(r *Request) error {
			return r.JSON(http.StatusOK, health{Status: "ok"})
		}},
		{Method: http.MethodGet, Path: "/readyz", Access: Public(), Handler: s.ready},
	}}
}

func (s *Server) ready(r *Request) error {
	if s.listener != nil && s.conns.draining.Load() {
		return fault.ErrStorage.After(time.Second)
	}
	ctx, cancel := context.WithTimeout(r.Context(), 2*time.Second)
	defer cancel()
	if err := s.cfg.Ready(ctx); err != nil {
		return fault.ErrStorage.Because(err)
	}
	return r.JSON(http.StatusOK, health{Status: "ready"})
}
