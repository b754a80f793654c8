// Package storybook writes the stories of web/story as static pages, in both
// themes, to view in a browser. It judges nothing; its test does.
package storybook

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"html"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/a-h/templ"

	"github.com/dmwm/wmstats/static"
	"github.com/dmwm/wmstats/web"
	"github.com/dmwm/wmstats/web/story"
)

// Themes are those that every story is written in.
var themes = []string{"light", "dark"}

// Pages renders all stories in the light theme, and an index. It returns HTML by
// file name.
func Pages(ctx context.Context, assets web.AssetURLs) (map[string][]byte, error) {
	out := map[string][]byte{}
	for _, s := range story.All(assets) {
		name := s.Name + ".html"
		if out[name] != nil {
			return nil, fmt.Errorf("story %q exists twice", s.Name)
		}
		var page bytes.Buffer
		var err error
		if s.Page {
			err = s.Component.Render(ctx, &page)
		} else {
			err = framed(s, assets).Render(ctx, &page)
		}
		if err != nil {
			return nil, fmt.Errorf("story %q: %w", s.Name, err)
		}
		out[name] = page.Bytes()
	}
	return out, nil
}

// framed puts a component on its own page.
func framed(s story.Story, assets web.AssetURLs) templ.Component {
	return templ.ComponentFunc(func(ctx context.Context, w io.Writer) error {
		inside := templ.ComponentFunc(func(ctx context.Context, w io.Writer) error {
			if _, err := fmt.Fprintf(w, "<div class=\"head\"><h1>%s</h1></div><div class=\"panel\">", html.EscapeString(s.Name)); err != nil {
				return fmt.Errorf("head: %w", err)
			}
			if err := s.Component.Render(ctx, w); err != nil {
				return fmt.Errorf("component: %w", err)
			}
			_, err := io.WriteString(w, "</div>")
			return err //nolint:wrapcheck // an error of a buffer
		})
		return web.Layout(story.Frame(s.Name, web.Fresh, assets)).Render(templ.WithChildren(ctx, inside), w) //nolint:wrapcheck,contextcheck // wrapped by the caller; Layout passes on the context that Render gets
	})
}

// Write puts all stories into a folder, in a folder for each theme, with the
// assets that they need.
func Write(ctx context.Context, folder string) (count int, err error) {
	assets, err := static.New()
	if err != nil {
		return 0, fmt.Errorf("assets: %w", err)
	}
	pages, err := Pages(ctx, web.AssetURLs{Style: assets.URL(static.Style), Script: assets.URL(static.Script), Icon: assets.URL(static.Icon)})
	if err != nil {
		return 0, err
	}
	for _, name := range assets.Names() {
		answer := httptest.NewRecorder()
		assets.ServeHTTP(answer, httptest.NewRequestWithContext(ctx, http.MethodGet, assets.URL(name), http.NoBody))
		if err := put(filepath.Join(folder, filepath.FromSlash(assets.URL(name))), answer.Body.Bytes()); err != nil {
			return 0, err
		}
	}
	for _, theme := range themes {
		for name, page := range pages {
			themed := bytes.Replace(page, []byte(`<html lang="en"`), []byte(`<html lang="en" data-theme="`+theme+`"`), 1)
			if err := put(filepath.Join(folder, theme, name), themed); err != nil {
				return 0, err
			}
		}
	}
	return len(pages), put(filepath.Join(folder, "index.html"), index(story.All(web.AssetURLs{})))
}

func put(path string, content []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("folder of a story: %w", err)
	}
	if err := os.WriteFile(path, content, 0o600); err != nil {
		return fmt.Errorf("story: %w", err)
	}
	return nil
}

func index(stories []story.Story) []byte {
	var b strings.Builder
	b.WriteString("<!DOCTYPE html><html lang=\"en\"><meta charset=\"utf-8\"><title>Stories</title><h1>Stories</h1><ul>\n")
	for _, s := range stories {
		fmt.Fprintf(&b, "<li>%s:", html.EscapeString(s.Name))
		for _, theme := range themes {
			fmt.Fprintf(&b, " <a href=\"/%s/%s.html\">%s</a>", theme, s.Name, theme)
		}
		b.WriteString("</li>\n")
	}
	b.WriteString("</ul></html>\n")
	return []byte(b.String())
}

// Serve serves a folder on a listener until ctx ends.
func Serve(ctx context.Context, listener net.Listener, folder string) error {
	server := &http.Server{Handler: http.FileServer(http.Dir(folder)), ReadHeaderTimeout: 10 * time.Second}
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve: %w", err)
	}
	return nil
}
