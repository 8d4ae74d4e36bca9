package modules

import (
	"fmt"
	"os"

	"go.uber.org/fx"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"golang.org/x/term"

	"github.com/ostiary/ostiary/adapters/logbuffer"
	"github.com/ostiary/ostiary/config"
)

// newLog returns the configured log, on standard error. Sampling is off: a security service that drops log lines
// under load drops them when they matter. While the service runs, the lines are written together, unless they are read
// on a terminal.
func newLog(c config.Config, lifecycle fx.Lifecycle) (*zap.Logger, error) {
	level, err := zapcore.ParseLevel(c.Log.Level)
	if err != nil {
		return nil, fmt.Errorf("log.level: %w", err)
	}
	encoding := zap.NewProductionEncoderConfig()
	encoding.EncodeTime = zapcore.RFC3339NanoTimeEncoder
	encoder := zapcore.NewJSONEncoder(encoding)
	terminal := term.IsTerminal(int(os.Stderr.Fd()))
	if c.Log.Format == config.LogConsole || c.Log.Format == config.LogAuto && terminal {
		encoding.EncodeLevel = zapcore.CapitalLevelEncoder
		encoding.EncodeTime = zapcore.TimeEncoderOfLayout("15:04:05.000")
		encoder = zapcore.NewConsoleEncoder(encoding)
	}
	lines := logbuffer.New(os.Stderr)
	if !terminal {
		lifecycle.Append(fx.StartStopHook(lines.Start, lines.Stop))
	}
	return zap.New(lines.Core(encoder, level)), nil
}
