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
	wg.Go(func() { first.serve(ctx, func(word string) { heard <- word }) })

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
	wg.Go(func() { first.serve(ctx, func(string) {}) })
	silent, err := control.DialSocket(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	if err := tell(t.Context(), path, show); err != nil {
		t.Error(err)
	}
}
