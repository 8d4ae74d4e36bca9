package httpserver

import (
	"bytes"
	"net/http"
	"runtime"
	"runtime/pprof"
	"strconv"
	"strings"
	"time"

	"github.com/valyala/fasthttp"
)

// The paths are those of Go's own server, so that `go tool pprof http://127.0.0.1:9090/debug/pprof/profile` works.
const (
	profilePrefix  = "/debug/pprof/"
	defaultProfile = 30 * time.Second
	maxProfile     = 5 * time.Minute
)

func isProfile(path string) bool { return strings.HasPrefix(path, profilePrefix) }

// profile responds with a profile of the process: /debug/pprof/profile is the processor time of the following seconds,
// the other names are those of runtime/pprof. No profile contains arguments, environment or data of requests.
func (o *observer) profile(ctx *fasthttp.RequestCtx, path string) {
	switch name := strings.TrimPrefix(path, profilePrefix); name {
	case "":
		listProfiles(ctx)
	case "profile":
		o.profileProcessor(ctx)
	default:
		lookupProfile(ctx, name)
	}
}

func listProfiles(ctx *fasthttp.RequestCtx) {
	names := []string{"profile"}
	for _, p := range pprof.Profiles() {
		names = append(names, p.Name())
	}
	reply(ctx, http.StatusOK, strings.Join(names, "\n"))
}

// profileProcessor profiles for the number of seconds in the query, or until the server stops.
func (o *observer) profileProcessor(ctx *fasthttp.RequestCtx) {
	length := defaultProfile
	if asked := ctx.QueryArgs().Peek("seconds"); len(asked) > 0 {
		seconds, err := strconv.Atoi(string(asked))
		if length = time.Duration(seconds) * time.Second; err != nil || length <= 0 || length > maxProfile {
			reply(ctx, http.StatusBadRequest, "seconds must be a number from 1 to 300")
			return
		}
	}
	var profile bytes.Buffer
	if err := pprof.StartCPUProfile(&profile); err != nil {
		reply(ctx, http.StatusConflict, "another profile is running")
		return
	}
	wait(o.closing, length)
	pprof.StopCPUProfile()
	sendProfile(ctx, &profile)
}

// lookupProfile responds with a profile of the runtime: in the binary format, or as text with ?debug=1.
func lookupProfile(ctx *fasthttp.RequestCtx, name string) {
	found := pprof.Lookup(name)
	if found == nil {
		reply(ctx, http.StatusNotFound, "no such profile")
		return
	}
	if name == "heap" && ctx.QueryArgs().GetBool("gc") {
		runtime.GC()
	}
	debug, _ := strconv.Atoi(string(ctx.QueryArgs().Peek("debug")))
	var profile bytes.Buffer
	if err := found.WriteTo(&profile, debug); err != nil {
		reply(ctx, http.StatusInternalServerError, "the profile could not be written")
		return
	}
	if debug > 0 {
		reply(ctx, http.StatusOK, profile.String())
		return
	}
	sendProfile(ctx, &profile)
}

func sendProfile(ctx *fasthttp.RequestCtx, profile *bytes.Buffer) {
	ctx.SetContentType("application/octet-stream")
	ctx.SetBody(profile.Bytes())
}
