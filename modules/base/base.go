// Package base wires the foundation of all other modules: the log, the clock, ids and case folding of names.
package base

import (
	"fmt"
	"os"

	"go.uber.org/fx"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"golang.org/x/term"

	"github.com/ostiary/ostiary/adapters/casefold"
	"github.com/ostiary/ostiary/adapters/sysclock"
	"github.com/ostiary/ostiary/adapters/totp"
	"github.com/ostiary/ostiary/adapters/ulidgen"
	"github.com/ostiary/ostiary/config"
	"github.com/ostiary/ostiary/ports"
)

// Module provides the log, the clock, ids and case folding.
var Module = fx.Module("base",
	fx.Provide(
		NewLog,
		func() ports.Clock { return sysclock.Clock{} },
		func() ports.CaseFolder { return casefold.CaseFolder{} },
		fx.Annotate(ulidgen.New, fx.As(new(ports.IDs))),
		fx.Annotate(totp.New, fx.As(new(ports.OneTimeCodes))),
	),
)

// NewLog returns the configured log, on standard error. Sampling is off: a security service that drops log lines
// under load drops them when they matter.
func NewLog(c config.Config) (*zap.Logger, error) {
	level, err := zapcore.ParseLevel(c.Log.Level)
	if err != nil {
		return nil, fmt.Errorf("log.level: %w", err)
	}
	encoding := zap.NewProductionEncoderConfig()
	encoding.EncodeTime = zapcore.RFC3339NanoTimeEncoder
	encoder := zapcore.NewJSONEncoder(encoding)
	if c.Log.Format == config.LogConsole || c.Log.Format == config.LogAuto && term.IsTerminal(int(os.Stderr.Fd())) {
		encoding.EncodeLevel = zapcore.CapitalLevelEncoder
		encoding.EncodeTime = zapcore.TimeEncoderOfLayout("15:04:05.000")
		encoder = zapcore.NewConsoleEncoder(encoding)
	}
	return zap.New(zapcore.NewCore(encoder, zapcore.Lock(os.Stderr), level)), nil
}
