package pages

import (
	"bytes"
	"fmt"
	"net/http"

	"github.com/a-h/templ"
	"github.com/labstack/echo/v4"
)

// policy forbids everything that a page does not need. There is no inline
// style or script anywhere, so neither is allowed.
const policy = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; " +
	"form-action 'self'; frame-ancestors 'none'; base-uri 'none'"

// Secure sets the security headers of every page.
func Secure(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		h := c.Response().Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
		return next(c)
	}
}

// render writes a page in one go: an error half way never leaves half a page
// with status 200.
func (p *Pages) render(c echo.Context, status int, page templ.Component) error {
	var buf bytes.Buffer
	if err := page.Render(c.Request().Context(), &buf); err != nil {
		if c.Request().Context().Err() != nil {
			return nil //nolint:nilerr // the reader left
		}
		p.Log.Error("page not rendered", "path", c.Request().URL.Path, "err", err)
		return c.String(http.StatusInternalServerError, "This page could not be made; the log of the server has the reason.\n")
	}
	c.Response().Header().Set("Cache-Control", "private, no-cache")
	if c.Request().Method == http.MethodHead {
		c.Response().Header().Set("Content-Type", "text/html; charset=utf-8")
		c.Response().Header().Set("Content-Length", fmt.Sprint(buf.Len()))
		c.Response().WriteHeader(status)
		return nil
	}
	return c.HTMLBlob(status, buf.Bytes())
}
