package oidcdir

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/sony/gobreaker/v2"

	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
	"github.com/ostiary/ostiary/ports"
)

// Type is the configuration's type of directories of this package.
const Type = "oidc"

// outagesToOpen is the number of consecutive outages that opens the circuit breaker.
const outagesToOpen = 5

// Options are the dependencies of a directory.
type Options struct {
	Clock ports.Clock
	// CallbackURL and BackChannelURL return the URLs to register at the provider of a directory, which the check
	// displays. Either may be nil.
	CallbackURL, BackChannelURL func(id domain.DirectoryID) string
}

// Factory returns the factory of directories of type oidc.
func Factory(options Options) ports.DirectoryFactory {
	return ports.DirectoryFactory{
		Type: Type,
		Open: func(id domain.DirectoryID, decode func(into any) error) (ports.Directory, error) {
			var settings Settings
			if err := decode(&settings); err != nil {
				return nil, err
			}
			return New(id, settings, options)
		},
	}
}

// Directory is one OpenID Connect provider. It is safe for concurrent use.
type Directory struct {
	id       domain.DirectoryID
	settings Settings
	secret   string
	// issuer is the issuer that discovery must return; with Entra's multi-tenant form it contains {tenantid}.
	issuer    string
	options   Options
	client    *http.Client
	breaker   *gobreaker.CircuitBreaker[struct{}]
	discovery *discovery
}

// The capabilities of a provider.
var (
	_ ports.RedirectLogin    = (*Directory)(nil)
	_ ports.ProviderSessions = (*Directory)(nil)
	_ ports.Checker          = (*Directory)(nil)
)

// New returns the directory with these settings. It makes no network call, and returns all errors at once as a
// fault.ErrInvalid with a detail for each setting.
func New(id domain.DirectoryID, settings Settings, options Options) (*Directory, error) {
	settings = settings.defaults(string(id))
	if err := settings.validate(); err != nil {
		return nil, err
	}
	secret, err := settings.readSecret()
	if err != nil {
		return nil, err
	}
	roots, err := settings.readRoots()
	if err != nil {
		return nil, err
	}
	client, err := newClient(settings, roots)
	if err != nil {
		return nil, err
	}
	issuer := settings.Issuer
	if settings.Entra.MultiTenant {
		issuer, _ = tenantTemplate(issuer)
	}
	d := &Directory{id: id, settings: settings, secret: secret, issuer: issuer, options: options, client: client}
	d.discovery = d.newDiscovery()
	d.breaker = gobreaker.NewCircuitBreaker[struct{}](gobreaker.Settings{
		Name:         string(id),
		Timeout:      settings.BreakerReset,
		ReadyToTrip:  func(c gobreaker.Counts) bool { return c.ConsecutiveFailures >= outagesToOpen },
		IsSuccessful: func(err error) bool { return !isOutage(err) },
		IsExcluded:   isFromBrowser,
	})
	return d, nil
}

// readSecret removes the trailing line feed that editors append to a file.
func (s *Settings) readSecret() (string, error) {
	if s.ClientSecretFile == "" {
		return s.ClientSecret, nil
	}
	content, err := os.ReadFile(s.ClientSecretFile)
	if err != nil {
		return "", fault.ErrInvalid.About("client_secret_file", "cannot be read").Because(err)
	}
	secret := strings.TrimRight(string(content), "\r\n")
	if secret == "" {
		return "", fault.ErrInvalid.About("client_secret_file", "is empty")
	}
	return secret, nil
}

func (s *Settings) readRoots() (*x509.CertPool, error) {
	if s.CAFile == "" {
		return nil, nil //nolint:nilnil // no pool means the system's
	}
	content, err := os.ReadFile(s.CAFile)
	if err != nil {
		return nil, fault.ErrInvalid.About("ca_file", "cannot be read").Because(err)
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		return nil, fmt.Errorf("reading the system's certificates: %w", err)
	}
	if !pool.AppendCertsFromPEM(content) {
		return nil, fault.ErrInvalid.About("ca_file", "holds no certificate in PEM")
	}
	return pool, nil
}

// ID returns the directory's id.
func (d *Directory) ID() domain.DirectoryID { return d.id }

// Type returns "oidc".
func (d *Directory) Type() string { return Type }

// JustInTime reports whether the first sign-in creates a user.
func (d *Directory) JustInTime() bool { return d.settings.JustInTime }

// Suffixes returns the domains whose logins belong to this directory.
func (d *Directory) Suffixes() []string { return slices.Clone(d.settings.Suffixes) }

// DisplayName returns the provider's name for login pages.
func (d *Directory) DisplayName() string { return d.settings.DisplayName }

// LinksByEmail reports whether the provider is marked as trusted.
func (d *Directory) LinksByEmail() bool { return d.settings.Trusted }

// Close closes the connections to the provider.
func (d *Directory) Close(context.Context) error {
	d.client.CloseIdleConnections()
	return nil
}

func (d *Directory) now() time.Time { return d.options.Clock.Now() }

// within runs one step of a sign-in with the timeout and behind the breaker.
func (d *Directory) within(ctx context.Context, step func(ctx context.Context) error) error {
	limited, cancel := context.WithTimeout(ctx, d.settings.Timeout)
	defer cancel()
	_, err := d.breaker.Execute(func() (struct{}, error) {
		err := step(limited)
		if err != nil && ctx.Err() != nil {
			// A disconnected browser is no evidence about the provider.
			return struct{}{}, domain.ErrDirectoryUnavailable.Because(context.Cause(ctx))
		}
		return struct{}{}, err
	})
	if errors.Is(err, gobreaker.ErrOpenState) || errors.Is(err, gobreaker.ErrTooManyRequests) {
		return domain.ErrDirectoryUnavailable.Because(errors.New(
			"the provider failed several times in a row and is left alone for a while"))
	}
	return err
}
