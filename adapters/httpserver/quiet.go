package httpserver

import (
	"net"

	"go.uber.org/zap"
)

// quiet forwards the HTTP library's messages to our log at a low level, since clients can cause any number of them.
// Its errors quote invalid input, including credentials, so only the peer and our own name for the error are logged.
type quiet struct{ log *zap.Logger }

// Printf logs an error on a connection.
func (q quiet) Printf(_ string, args ...any) {
	entry := q.log.Check(zap.DebugLevel, "connection failed")
	if entry == nil {
		return
	}
	var fields []zap.Field
	var peer net.Addr
	for _, arg := range args {
		switch v := arg.(type) {
		case net.Addr:
			peer = v // the library names its own address first, then the peer's
		case error:
			fields = append(fields, zap.String("failure", ofConnection(v).Code))
		}
	}
	if peer != nil {
		fields = append(fields, zap.Stringer("client", peer))
	}
	entry.Write(fields...)
}
