package general

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"testing"

	"millpond/proxy/exchange"
	"millpond/proxy/fast"
	"millpond/proxy/listener"
)

// The tests of requests know no front: what a client sees, what an upstream sees and what
// is counted must be the same. So all of them run twice.
const (
	frontGeneral = "general" // net/http for everything
	frontFast    = "fast"    // proxy/fast, which hands over to the former
)

// front is which of the fronts the rigs of this run have.
var front = frontGeneral

func TestMain(m *testing.M) {
	only := flag.String("front", "", "run the tests with this front only: general or fast")
	flag.Parse()
	code := 0
	for _, front = range []string{frontGeneral, frontFast} {
		if *only == "" || *only == front {
			fmt.Printf("front: %s\n", front)
			code = max(code, m.Run())
		}
	}
	os.Exit(code)
}

// fronts are what serves a rig's clients: the general front, and before it, or not, the fast one.
type fronts struct {
	general *Front
	fast    *fast.Front // nil: the general front takes all
	served  chan error
}

// serveBy serves ln by that front. wrap is for the context of each request.
func serveBy(front string, x *exchange.Exchange, ln net.Listener, wrap func(context.Context) context.Context) *fronts {
	log := slog.New(slog.DiscardHandler)
	f := &fronts{general: New(x, http.NotFoundHandler(), log, false), served: make(chan error, 2)}
	handler := f.general.server.Handler
	f.general.server.Handler = http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		handler.ServeHTTP(w, req.WithContext(wrap(req.Context())))
	})
	if front == frontFast {
		given := listener.NewHandover()
		f.fast = fast.New(fast.Config{Exchange: x, Give: given.Give})
		f.fast.WrapContextForTest(wrap)
		go func(ln net.Listener) { f.served <- f.fast.Serve(context.Background(), ln) }(ln)
		ln = given
	} else {
		f.served <- nil
	}
	go func() { f.served <- f.general.Serve(listener.Strict(ln, listener.StrictConfig{})) }()
	return f
}

// Drain has every further answer end its connection.
func (f *fronts) Drain() {
	f.general.Drain()
	if f.fast != nil {
		f.fast.Drain()
	}
}

// Shutdown ends all, and waits for it.
func (f *fronts) Shutdown(ctx context.Context) error {
	var err error
	if f.fast != nil {
		err = f.fast.Shutdown(ctx)
	}
	return errors.Join(err, f.general.Shutdown(ctx), <-f.served, <-f.served)
}
