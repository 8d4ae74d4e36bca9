package httpserver

import (
	"net"

	"go.uber.org/zap"
)

// quiet takes the HTTP library's lines to our log, at a level for those who look for them: clients can cause them at will. Its
// errors quote what they could not read, with the credentials in it. So the line is not logged: only the peer, and our
// own name for the error.
type quiet struct{ log *zap.Logger }

// Printf logs that something was amiss on a connection.
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

// quietWriter is quiet for a library that writes whole lines.
type quietWriter struct{ log *zap.Logger }

// Write logs that something was amiss on a connection.
func (q quietWriter) Write(line []byte) (int, error) {
	q.log.Debug("connection failed", zap.String("listener", "metrics"))
	return len(line), nil
}
