package couch

import (
	"errors"
	"net/http"
)

// Away says that nobody answered: no connection, or a proxy without a server
// behind it. To ask again costs such a server nothing.
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
