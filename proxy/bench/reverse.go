package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"sync"
	"time"
)

// The proxies that ReverseProxy can be.
const (
	ReverseDefault = "reverseproxy-default"
	ReverseTuned   = "reverseproxy-tuned"
)

// ReverseProxy is the standard library's reverse proxy, to compare with, until ctx is done: with
// http.DefaultTransport, as most programs use it, or with one whose idle limits fit.
func ReverseProxy(ctx context.Context, name, listen, upstream string) error {
	base, err := url.Parse(upstream)
	if err != nil || base.Host == "" {
		return fmt.Errorf("%q is not the URL of an upstream", upstream)
	}
	proxy := httputil.NewSingleHostReverseProxy(base)
	proxy.ErrorLog = log.New(io.Discard, "", 0)
	switch name {
	case ReverseDefault:
	case ReverseTuned:
		proxy.Transport = &http.Transport{MaxIdleConnsPerHost: 10_000, IdleConnTimeout: 5 * time.Minute, DisableCompression: true}
		proxy.BufferPool = &buffers{}
	default:
		return fmt.Errorf("there is no proxy %q", name)
	}
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", listen)
	if err != nil {
		return err
	}
	server := &http.Server{Handler: proxy, ReadHeaderTimeout: time.Minute, ErrorLog: proxy.ErrorLog}
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// buffers spares the tuned proxy an allocation for each body.
type buffers struct{ pool sync.Pool }

func (b *buffers) Get() []byte {
	if buf, ok := b.pool.Get().(*[]byte); ok {
		return *buf
	}
	return make([]byte, 32<<10)
}

func (b *buffers) Put(buf []byte) { b.pool.Put(&buf) }
