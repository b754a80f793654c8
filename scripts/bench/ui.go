package bench

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"slices"
	"strings"
	"time"

	"golang.org/x/net/html"

	"github.com/dmwm/wmstats/scripts/freeport"
	"github.com/dmwm/wmstats/static"
)

// uiPages are the pages that the section ui measures. The list has eight facets,
// without a filter and with one that matches many.
var uiPages = []struct{ name, path string }{
	{"list", "/workflows"}, {"filtered list", "/workflows?status=running-open&sort=-Failure"},
	{"overview", "/"}, {"attention", "/attention"}, {"campaigns", "/campaigns"}, {"sites", "/sites"}, {"agents", "/agents"}, {"errors", "/errors"},
}

// uiRounds is how often each page is requested.
const uiRounds = 100

// ui prints what the pages cost (time to the first byte, bytes, elements), the
// memory of the UI server, and the size of its assets. The cache server runs on
// the same machine.
func (r *run) ui(ctx context.Context, cache server) error {
	ui, err := r.startUI(ctx, cache)
	if err != nil {
		return err
	}
	for _, page := range uiPages {
		if err := r.uiPage(ctx, ui, page.name, page.path); err != nil {
			return err
		}
	}
	if err := r.uiPaint(ctx, ui, cache); err != nil {
		return err
	}
	if err := r.uiPulse(ctx, ui, strings.TrimPrefix(ui.url, "http://")); err != nil {
		return err
	}
	if err := r.uiAssets(); err != nil {
		return err
	}
	r.line("ui: resident memory of the UI server", ui.status("VmRSS")/1e6, "MB")
	return nil
}

// startUI starts a UI server and waits until it shows pages.
func (r *run) startUI(ctx context.Context, cache server) (ui server, err error) {
	addr, err := freeport.Addr(ctx)
	if err != nil {
		return ui, err
	}
	cmd, err := r.start("uiserver", "--listen", addr, "--cache-url", cache.url, "--rate-limit", "0", "--log-level", "warn")
	if err != nil {
		return ui, err
	}
	ui = server{url: "http://" + addr, cmd: cmd}
	return ui, r.ready(ctx, ui.url+"/about")
}

// uiPage requests a page repeatedly over one connection.
func (r *run) uiPage(ctx context.Context, ui server, name, path string) error {
	var times []time.Duration
	var packed []byte
	for range uiRounds {
		took, body, err := r.firstByte(ctx, ui.url+path)
		if err != nil {
			return err
		}
		times, packed = append(times, took), body
	}
	slices.Sort(times)
	zr, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return fmt.Errorf("page %s: %w", path, err)
	}
	plain, err := io.ReadAll(zr)
	if err != nil {
		return fmt.Errorf("page %s: %w", path, err)
	}
	r.line("ui: "+name+": time to first byte p50", quantile(times, 0.5), "ms")
	r.line("ui: "+name+": time to first byte p95", quantile(times, 0.95), "ms")
	r.line("ui: "+name+": bytes", float64(len(plain))/1024, "KiB")
	r.line("ui: "+name+": bytes with gzip", float64(len(packed))/1024, "KiB")
	elements, requests := countElements(plain)
	r.line("ui: "+name+": elements", float64(elements), "elements")
	r.line("ui: "+name+": requests when cold", float64(requests), "requests")
	return nil
}

// firstByte reads a page compressed, as a browser does.
func (r *run) firstByte(ctx context.Context, url string) (took time.Duration, body []byte, err error) {
	var began time.Time
	trace := &httptrace.ClientTrace{GotFirstResponseByte: func() { took = time.Since(began) }}
	req, err := http.NewRequestWithContext(httptrace.WithClientTrace(ctx, trace), http.MethodGet, url, nil)
	if err != nil {
		return 0, nil, fmt.Errorf("make request: %w", err)
	}
	req.Header.Set("Accept-Encoding", "gzip")
	began = time.Now()
	resp, err := r.client.Do(req)
	if err != nil {
		return 0, nil, fmt.Errorf("get %s: %w", url, err)
	}
	defer resp.Body.Close()
	body, err = io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = errors.New(resp.Status)
	}
	if err != nil {
		return 0, nil, fmt.Errorf("get %s: %w", url, err)
	}
	return took, body, nil
}

// countElements counts the elements of a page, and the requests of a browser with
// an empty cache: the page, and each address of style, script and picture once.
func countElements(page []byte) (elements, requests int) {
	addresses := map[string]bool{}
	tokens := html.NewTokenizer(bytes.NewReader(page))
	for {
		switch tokens.Next() {
		case html.ErrorToken:
			return elements, 1 + len(addresses)
		case html.StartTagToken, html.SelfClosingTagToken:
			elements++
			token := tokens.Token()
			for _, a := range token.Attr {
				if (a.Key == "src" || a.Key == "href" && token.Data == "link") && strings.HasPrefix(a.Val, "/static/") {
					addresses[a.Val] = true
				}
			}
		default:
		}
	}
}

// uiPulse prints what an open page costs while nothing changes: all bytes of the
// answer on the wire.
func (r *run) uiPulse(ctx context.Context, ui server, addr string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, ui.url+"/pulse", nil)
	if err != nil {
		return fmt.Errorf("make request: %w", err)
	}
	resp, err := r.client.Do(req)
	if err != nil {
		return fmt.Errorf("get /pulse: %w", err)
	}
	resp.Body.Close()
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", addr)
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	defer func() { _ = conn.Close() }()
	if _, err := fmt.Fprintf(conn, "GET /pulse HTTP/1.1\r\nHost: %s\r\nIf-None-Match: %s\r\nConnection: close\r\n\r\n", addr, resp.Header.Get("ETag")); err != nil {
		return fmt.Errorf("request /pulse: %w", err)
	}
	answer, err := io.ReadAll(conn)
	if err != nil {
		return fmt.Errorf("read /pulse: %w", err)
	}
	if !bytes.HasPrefix(answer, []byte("HTTP/1.1 304")) {
		return fmt.Errorf("/pulse with its own ETag: %.40q", answer)
	}
	r.line("ui: pulse while nothing changes", float64(len(answer)), "bytes")
	return nil
}

// uiAssets prints the sizes of the style sheet and the script.
func (r *run) uiAssets() error {
	assets, err := static.New()
	if err != nil {
		return fmt.Errorf("assets: %w", err)
	}
	for _, name := range []string{static.Style, static.Script, static.Icon} {
		_, packed := assets.Sizes(name)
		r.line("ui: "+name+" with gzip", float64(packed)/1024, "KiB")
	}
	return nil
}
