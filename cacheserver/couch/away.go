package couch

import (
	"errors"
	"net/http"
)

// Away reports whether nobody answered: there was no connection, or a proxy had
// no server behind it. Asking such a server again costs it nothing.
func Away(err error) bool {
	var answer *Error
	switch {
	case errors.Is(err, ErrUnreachable):
		return true
	case !errors.As(err, &answer):
		return false
	}
	switch answer.Status {
	case http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}
