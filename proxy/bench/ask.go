package bench

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync/atomic"
	"time"
)

// patienceOf bounds one request, so that a run ends whatever happens.
const patienceOf = 2 * time.Minute

// A request is one that a run sends.
type request struct {
	method, url string
	body        []byte
	id          string // for Upstream.Executed; "" sends none
	caller      string // for Millpond's scope "caller"; "" sends none
}

// errStatus is an answer that tells of a failure.
var errStatus = errors.New("the answer is no success")

// ask sends a request and reads the answer to its end. It returns the status, 0 without one. An
// error is what a caller sees as failed: no answer, half of one, or a status other than 2xx.
func ask(ctx context.Context, client *http.Client, q request) (status int, took time.Duration, err error) {
	ctx, cancel := context.WithTimeout(ctx, patienceOf)
	defer cancel()
	var body io.Reader
	if q.body != nil {
		body = bytes.NewReader(q.body)
	}
	req, err := http.NewRequestWithContext(ctx, q.method, q.url, body)
	if err != nil {
		return 0, 0, err
	}
	req.Header.Set("User-Agent", "millpond-bench")
	if q.body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if q.id != "" {
		req.Header.Set(IDHeader, q.id)
	}
	if q.caller != "" {
		req.Header.Set("X-Millpond-Caller", q.caller)
	}
	began := time.Now()
	resp, err := client.Do(req)
	if err != nil {
		return 0, time.Since(began), err
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		return resp.StatusCode, time.Since(began), err
	}
	took = time.Since(began)
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return resp.StatusCode, took, fmt.Errorf("%w: %s", errStatus, resp.Status)
	}
	return resp.StatusCode, took, nil
}

// newClient returns a client of HTTP/1.1 alone that keeps so many idle connections in all and for
// each host, follows no redirect, and counts in dials, if there is one, what it opens.
func newClient(idle, idlePerHost int, config *tls.Config, dials *atomic.Int64) *http.Client {
	d := &net.Dialer{Timeout: 30 * time.Second}
	t := &http.Transport{
		MaxIdleConns: idle, MaxIdleConnsPerHost: idlePerHost, IdleConnTimeout: 90 * time.Second,
		TLSClientConfig: config, TLSHandshakeTimeout: time.Minute, DisableCompression: true,
		Protocols: new(http.Protocols),
		DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			c, err := d.DialContext(ctx, network, addr)
			if err == nil && dials != nil {
				dials.Add(1)
			}
			return c, err
		},
	}
	t.Protocols.SetHTTP1(true)
	return &http.Client{Transport: t, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}
