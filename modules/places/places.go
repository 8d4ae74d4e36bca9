// Package places wires the GeoIP lookup.
package places

import (
	"go.uber.org/fx"

	"github.com/ostiary/ostiary/adapters/geoip"
	"github.com/ostiary/ostiary/config"
	"github.com/ostiary/ostiary/ports"
)

// Module provides the locator: the configured database, or one without locations.
var Module = fx.Module("places", fx.Provide(open))

func open(lc fx.Lifecycle, c config.Config) (ports.Locator, error) {
	if c.GeoIP.Database == "" {
		return nowhere{}, nil
	}
	locator, err := geoip.Open(c.GeoIP.Database)
	if err != nil {
		return nil, err
	}
	lc.Append(fx.StopHook(locator.Close))
	return locator, nil
}

type nowhere struct{}

func (nowhere) Locate(string) string { return "" }
