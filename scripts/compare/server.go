package compare

import (
	"bufio"
	"compress/gzip"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"
)

// server is one side: its name in errors, and how it is asked.
type server struct {
	name   string // "the old server" or "the new server"
	client *http.Client
	token  string
}

// newClient returns a client with the certificates of the options.
func newClient(o Options) (*http.Client, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if o.CA != "" {
		text, err := os.ReadFile(o.CA)
		if err != nil {
			return nil, fmt.Errorf("--ca: %w", err)
		}
		if config.RootCAs = x509.NewCertPool(); !config.RootCAs.AppendCertsFromPEM(text) {
			return nil, fmt.Errorf("--ca %s: it has no certificate", o.CA)
		}
	}
	if o.Cert != "" {
		key := o.Key
		if key == "" {
			key = o.Cert // a grid proxy has both
		}
		pair, err := tls.LoadX509KeyPair(o.Cert, key)
		if err != nil {
			return nil, fmt.Errorf("--cert, --key: %w", err)
		}
		config.Certificates = []tls.Certificate{pair}
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.TLSClientConfig = config
	return &http.Client{Transport: transport}, nil
}

// statusError is an answer other than 200.
type statusError struct {
	server, path, info string
	status             int
}

func (e *statusError) Error() string {
	text := fmt.Sprintf("%s: %s: status %d", e.server, e.path, e.status)
	if e.info != "" {
		text += ": " + e.info
	}
	return text
}

// get opens an address. Texts of errors have its path only: an address may hold a
// password.
func (s *server) get(ctx context.Context, address string) (*http.Response, error) {
	const tries, longest = 5, time.Minute
	for try := 1; ; try++ {
		resp, err := s.once(ctx, address)
		var refused *statusError
		if try == tries || !errors.As(err, &refused) || refused.status != http.StatusTooManyRequests {
			return resp, err
		}
		wait := time.Duration(try) * time.Second
		if n, err := strconv.Atoi(refused.info); err == nil && n > 0 {
			wait = min(time.Duration(n)*time.Second, longest)
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func (s *server) once(ctx context.Context, address string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return nil, fmt.Errorf("%s: its address is invalid", s.name)
	}
	req.Header.Set("Accept", "application/json, application/x-ndjson;q=0.9")
	req.Header.Set("User-Agent", "wmstats-compare")
	if s.token != "" {
		req.Header.Set("Authorization", "Bearer "+s.token)
	}
	resp, err := s.client.Do(req)
	if err != nil {
		var u *url.Error
		if errors.As(err, &u) {
			err = u.Err
		}
		return nil, fmt.Errorf("%s: %s: %w", s.name, req.URL.Path, err)
	}
	if resp.StatusCode != http.StatusOK {
		defer resp.Body.Close()
		e := &statusError{s.name, req.URL.Path, resp.Header.Get("X-Error-Info"), resp.StatusCode}
		if resp.StatusCode == http.StatusTooManyRequests {
			e.info = resp.Header.Get("Retry-After")
		}
		return nil, e
	}
	return resp, nil
}

// open opens an address or a file and unpacks gzip. finish must be called after all
// of it was read: only then is it known whether it was whole.
func (s *server) open(ctx context.Context, from string) (r io.Reader, header http.Header, finish func() error, err error) {
	var body io.ReadCloser
	finish = func() error { return nil }
	if isURL(from) {
		resp, err := s.get(ctx, from) //nolint:bodyclose // the reader closes it
		if err != nil {
			return nil, nil, nil, err
		}
		body, header = resp.Body, resp.Header
		finish = func() error {
			// The old server closes the JSON of an answer that broke, and reports it here.
			if code := resp.Trailer.Get("X-REST-Status"); code != "" && code != "100" {
				return fmt.Errorf("%s: the answer broke: X-REST-Status %s", s.name, code)
			}
			return nil
		}
	} else {
		file, err := os.Open(from)
		if err != nil {
			return nil, nil, nil, fmt.Errorf("%s: %w", s.name, err)
		}
		body = file
	}
	closing := func(then func() error) func() error {
		return func() error { err := then(); body.Close(); return err }
	}
	buffered := bufio.NewReaderSize(body, 1<<16)
	if magic, _ := buffered.Peek(2); string(magic) != "\x1f\x8b" {
		return buffered, header, closing(finish), nil
	}
	unzipped, err := gzip.NewReader(buffered)
	if err != nil {
		body.Close()
		return nil, nil, nil, fmt.Errorf("%s: gzip: %w", s.name, err)
	}
	return unzipped, header, closing(finish), nil
}

func isURL(text string) bool {
	return strings.HasPrefix(text, "http://") || strings.HasPrefix(text, "https://")
}

// rows calls fn for each element of the list "result" of an old server's answer.
// next decodes the element; only one is in memory.
func rows(r io.Reader, fn func(d *json.Decoder) error) error {
	d := json.NewDecoder(r)
	d.UseNumber()
	if err := expect(d, json.Delim('{')); err != nil {
		return err
	}
	found := false
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return broken(err)
		}
		if key != "result" {
			var skipped json.RawMessage
			if err := d.Decode(&skipped); err != nil {
				return broken(err)
			}
			continue
		}
		found = true
		if err := expect(d, json.Delim('[')); err != nil {
			return err
		}
		for d.More() {
			if err := fn(d); err != nil {
				return err
			}
		}
		if err := expect(d, json.Delim(']')); err != nil {
			return err
		}
	}
	if err := expect(d, json.Delim('}')); err != nil {
		return err
	}
	if !found {
		return errors.New(`it has no "result"`)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("more follows after the answer")
	}
	return nil
}

func expect(d *json.Decoder, want json.Delim) error {
	switch got, err := d.Token(); {
	case err != nil:
		return broken(err)
	case got != want:
		return fmt.Errorf("%q where %q is expected", fmt.Sprint(got), want)
	}
	return nil
}

func broken(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errors.New("the answer is cut off")
	}
	return fmt.Errorf("the answer is no JSON: %w", err)
}
