package app

import (
	"context"
	"errors"
	"path/filepath"
	"sync"
	"testing"

	"millpond/proxy/control"
)

func TestSecondStartFindsFirst(t *testing.T) {
	path := filepath.Join(t.TempDir(), "window.sock")
	first, err := claim(path)
	if err != nil {
		t.Fatal(err)
	}
	heard := make(chan string, 1)
	var wg sync.WaitGroup
	ctx, cancel := context.WithCancel(t.Context())
	wg.Go(func() { first.serve(ctx, func(word string) bool { heard <- word; return true }) })

	if _, err := claim(path); !errors.Is(err, control.ErrInUse) {
		t.Errorf("a second claim: got %v; want %v", err, control.ErrInUse)
	}
	if err := tell(t.Context(), path, show); err != nil {
		t.Fatal(err)
	}
	if got := <-heard; got != show {
		t.Errorf("got %q; want %q", got, show)
	}
	cancel()
	wg.Wait()
	if err := tell(t.Context(), path, show); !errors.Is(err, control.ErrNotRunning) {
		t.Errorf("after the end: got %v; want %v", err, control.ErrNotRunning)
	}
	again, err := claim(path)
	if err != nil {
		t.Fatalf("a claim after the end: %v", err)
	}
	again.release()
}

// Somebody who connects and says nothing keeps nobody else from being heard.
func TestSilentCallerHoldsNobodyUp(t *testing.T) {
	path := filepath.Join(t.TempDir(), "window.sock")
	first, err := claim(path)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	defer wg.Wait()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	wg.Go(func() { first.serve(ctx, func(string) bool { return true }) })
	silent, err := control.DialSocket(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	if err := tell(t.Context(), path, show); err != nil {
		t.Error(err)
	}
}

// A process that is ending no longer does what it is asked; the next one takes
// its place as soon as it is gone.
func TestClaimFromEndingProcess(t *testing.T) {
	path := filepath.Join(t.TempDir(), "window.sock")
	ending, err := claim(path)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	defer wg.Wait()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	wg.Go(func() {
		ending.serve(ctx, func(string) bool { cancel(); return false })
	})
	next, err := claimOr(t.Context(), path, show)
	if err != nil || next == nil {
		t.Fatalf("got %v, %v; want the claim", next, err)
	}
	next.release()
}
