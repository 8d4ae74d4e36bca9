package mongostore

import (
	"cmp"
	"time"

	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/readpref"
)

// The connection string decides about pool sizes, time-outs, compression, TLS and the application's name. The store
// decides about read and write concerns and the read preference, since its guarantees depend on them.

const (
	defaultTimeout = 2500 * time.Millisecond
	// minTimeout and maxTimeout limit timeoutMS of the connection string. With the difference of two clocks, a call must
	// end before other nodes take over its work (staleAfter, holdsFor).
	minTimeout, maxTimeout = 100 * time.Millisecond, staleAfter - 2*MaxSkew
	heartbeatEvery         = 2 * time.Second
)

// connection returns the client options of the connection string, and sets config.Timeout.
func connection(config *Config) (*options.ClientOptions, error) {
	o := options.Client().ApplyURI(config.URI)
	if err := o.Validate(); err != nil {
		return nil, unusable(config.URI, err)
	}
	if o.Timeout != nil && (*o.Timeout < minTimeout || *o.Timeout > maxTimeout) {
		return nil, misconfigured("mongodb: timeoutMS of the connection string must be %d to %d",
			minTimeout.Milliseconds(), maxTimeout.Milliseconds())
	}
	config.Timeout = cmp.Or(config.Timeout, valueOr(o.Timeout, defaultTimeout))
	o.SetTimeout(config.Timeout)
	// Timeout does not limit server selection for every kind of call.
	o.SetServerSelectionTimeout(min(config.Timeout, valueOr(o.ServerSelectionTimeout, config.Timeout)))
	o.SetConnectTimeout(min(config.Timeout, valueOr(o.ConnectTimeout, config.Timeout)))
	o.SetHeartbeatInterval(valueOr(o.HeartbeatInterval, heartbeatEvery))
	o.SetAppName(valueOr(o.AppName, "ostiary"))
	o.SetRegistry(registry).SetReadPreference(readpref.Primary())
	if config.Monitor != nil {
		o.SetMonitor(config.Monitor)
	}
	return o, nil
}

// valueOr returns the value that p points to, or other if that is missing or zero.
func valueOr[T comparable](p *T, other T) T {
	if p == nil {
		return other
	}
	return cmp.Or(*p, other)
}
