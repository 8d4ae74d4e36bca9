package oidcdir

import (
	"errors"
	"fmt"
	"strings"

	"github.com/ostiary/ostiary/core/domain"
)

// longestReason limits what a provider can write into our log and audit log.
const longestReason = 300

// outageError is an outage of the provider. The circuit breaker counts it.
type outageError struct{ reason string }

func (e *outageError) Error() string { return e.reason }

// outage returns domain.ErrDirectoryUnavailable for a provider without a response or with an invalid one.
func outage(doing string, cause error) error {
	return domain.ErrDirectoryUnavailable.Because(&outageError{reason: shorten(doing + ": " + cause.Error())})
}

// isOutage reports whether err counts against the provider.
func isOutage(err error) bool {
	var o *outageError
	return errors.As(err, &o)
}

// browserError is what a browser's callback says. Anybody can write one, so the circuit breaker ignores it: it counts
// neither for nor against the provider.
type browserError struct{ reason string }

func (e *browserError) Error() string { return e.reason }

func isFromBrowser(err error) bool {
	var b *browserError
	return errors.As(err, &b)
}

// misconfigured returns domain.ErrDirectoryUnavailable for an available provider that refuses our configuration.
func misconfigured(reason string) error {
	return domain.ErrDirectoryUnavailable.Because(errors.New(shorten(reason)))
}

// refuse returns domain.ErrRedirectLogin with the reason.
func refuse(format string, args ...any) error {
	return domain.ErrRedirectLogin.Because(errors.New(shorten(fmt.Sprintf(format, args...))))
}

// refuseLogout converts the refusal of a token to the refusal of a logout token; an outage is returned unchanged.
func refuseLogout(err error) error {
	if errors.Is(err, domain.ErrDirectoryUnavailable) {
		return err
	}
	return domain.ErrLogoutToken.Because(errors.Unwrap(err))
}

// shorten converts a reason from a provider to one line of limited length.
func shorten(text string) string {
	text = strings.Map(func(r rune) rune {
		if r == 0x2028 || r == 0x2029 || !domain.IsPrintable(string(r)) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "?"))
	if len(text) <= longestReason {
		return text
	}
	cut := longestReason
	for cut > 0 && text[cut]&0xC0 == 0x80 {
		cut--
	}
	return text[:cut] + "…"
}
