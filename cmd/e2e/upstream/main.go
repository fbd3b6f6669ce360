// Command upstream is the far side of the end-to-end tests: a server in a process of its own that
// answers as the Messages API does and in the ways that HTTP allows, and counts what it did.
//
// It prints one line of JSON, its Report of addresses, and ends when its standard input does, so
// that it never outlives the test that started it. Standard library only.
package main

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
)

func main() {
	ca := flag.String("ca", "", "serve TLS, and write the certificate to trust into this file")
	h2 := flag.Bool("h2", false, "with -ca: offer HTTP/2 as well")
	flag.Parse()
	if err := run(*ca, *h2, os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "upstream:", err)
		os.Exit(1)
	}
}

// A report is the line that main prints.
type report struct {
	Address string // host:port of the service
	Control string // host:port of the counters
}

// run serves until in ends.
func run(ca string, h2 bool, in io.Reader, out io.Writer) error {
	service, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	control, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	c := newCounters()
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetHTTP2(h2)
	server := &http.Server{Handler: c.counted(routes(c)), ConnState: c.connState, Protocols: protocols}
	counts := &http.Server{Handler: c}
	ended := make(chan error, 2)
	go func() { ended <- counts.Serve(control) }()
	if ca == "" {
		go func() { ended <- server.Serve(service) }()
	} else {
		certificate, err := selfSigned(ca)
		if err != nil {
			return err
		}
		server.TLSConfig = &tls.Config{Certificates: []tls.Certificate{certificate}}
		go func() { ended <- server.ServeTLS(service, "", "") }()
	}
	if err := json.NewEncoder(out).Encode(report{service.Addr().String(), control.Addr().String()}); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		_, _ = io.Copy(io.Discard, in)
		cancel()
	}()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
		_ = server.Close()
		return counts.Close()
	}
}
