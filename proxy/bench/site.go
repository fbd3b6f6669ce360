package bench

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"
)

// A siteConfig says how the upstream of a run is made.
type siteConfig struct {
	handler   http.Handler
	workers   int           // ports that it listens on, each a host of its own for a pool
	tls       *certificate  // nil: no TLS
	roundTrip time.Duration // through a relay; 0: none
	idle      time.Duration // after which it closes an idle connection; 0: 15 minutes
}

// A site is the upstream of one run: workers on ports of their own, within this process.
type site struct {
	scheme string
	addrs  []string // host:port of each worker, or of the relay before it
	dials  atomic.Int64

	server  *http.Server
	relays  []*relay
	serving sync.WaitGroup
}

// openSite starts a site. close must be called.
func openSite(ctx context.Context, c siteConfig) (*site, error) {
	if c.idle == 0 {
		c.idle = 15 * time.Minute
	}
	s := &site{scheme: "http"}
	s.server = &http.Server{
		Handler: c.handler, ReadHeaderTimeout: time.Minute, IdleTimeout: c.idle, ErrorLog: log.New(io.Discard, "", 0),
		ConnState: func(_ net.Conn, state http.ConnState) {
			if state == http.StateNew {
				s.dials.Add(1)
			}
		},
	}
	if c.tls != nil {
		s.scheme = "https"
		s.server.TLSConfig = c.tls.server()
	}
	for range c.workers {
		if err := s.open(ctx, c); err != nil {
			s.close()
			return nil, fmt.Errorf("start the upstream: %w", err)
		}
	}
	return s, nil
}

// open starts one worker.
func (s *site) open(ctx context.Context, c siteConfig) error {
	l, err := listenLoopback(ctx)
	if err != nil {
		return err
	}
	addr := l.Addr().String()
	if c.roundTrip > 0 {
		r, err := startRelay(ctx, addr, c.roundTrip)
		if err != nil {
			_ = l.Close()
			return err
		}
		s.relays = append(s.relays, r)
		addr = r.address()
	}
	s.addrs = append(s.addrs, addr)
	if c.tls != nil {
		l = tls.NewListener(l, s.server.TLSConfig)
	}
	s.serving.Go(func() { _ = s.server.Serve(l) }) // it ends when the server is closed
	return nil
}

// base returns the address of a worker as a URL without a path.
func (s *site) base(worker int) string { return s.scheme + "://" + s.addrs[worker] }

// close breaks off what is left and waits for it.
func (s *site) close() {
	for _, r := range s.relays {
		r.close()
	}
	_ = s.server.Close()
	s.serving.Wait()
}

// A certificate is one that this run made for the loopback and that nobody else trusts.
type certificate struct {
	pair  tls.Certificate
	roots *x509.CertPool
	pem   []byte // of the certificate
}

// newCertificate makes a certificate for 127.0.0.1 and localhost, valid for a day.
func newCertificate() (*certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make a key: %w", err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: "Millpond benchmark"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true, IsCA: true, DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("make a certificate: %w", err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("make a certificate: %w", err)
	}
	c := &certificate{
		pair:  tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf},
		roots: x509.NewCertPool(),
		pem:   pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
	}
	c.roots.AddCert(leaf)
	return c, nil
}

// write puts the certificate into a folder and returns the file; "" for no certificate.
func (c *certificate) write(folder string) (string, error) {
	if c == nil {
		return "", nil
	}
	name := filepath.Join(folder, "roots.pem")
	if err := os.WriteFile(name, c.pem, 0o600); err != nil {
		return "", fmt.Errorf("write the authority to trust: %w", err)
	}
	return name, nil
}

// server returns the settings of a server: HTTP/1.1 alone, so that connections are what counts.
func (c *certificate) server() *tls.Config {
	return &tls.Config{Certificates: []tls.Certificate{c.pair}, MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"}}
}

// client returns the settings of a client; nil for no certificate.
func (c *certificate) client() *tls.Config {
	if c == nil {
		return nil
	}
	return &tls.Config{RootCAs: c.roots, MinVersion: tls.VersionTLS12}
}
