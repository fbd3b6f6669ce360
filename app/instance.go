package app

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"time"

	"millpond/app/model"
	"millpond/proxy/control"
)

// show is what one process of ours tells another: come to the front. The tray
// opens the window then.
const show = "show"

// showPage is the word for: come to the front with a page.
func showPage(p model.Page) string { return strings.TrimSpace(show + " " + string(p)) }

// pageOf returns the page that a word asks for.
func pageOf(word string) model.Page {
	_, page, _ := strings.Cut(word, " ")
	return model.Page(page)
}

// wordTime bounds how long a word may take to arrive or to be taken.
const wordTime = 2 * time.Second

// An instance is the one process of its kind for this user. Use claim.
type instance struct{ listener net.Listener }

// claim makes this process the one that listens at path. The error is
// control.ErrInUse when there is one already.
func claim(path string) (*instance, error) {
	l, err := control.Listen(path)
	if err != nil {
		return nil, err
	}
	return &instance{listener: l}, nil
}

// serve calls hear with each word that another process tells us, until ctx is
// done, and gives up the claim. Hear reports whether what was asked is done.
func (i *instance) serve(ctx context.Context, hear func(word string) bool) {
	var wg sync.WaitGroup
	defer wg.Wait()
	defer i.release()
	stop := context.AfterFunc(ctx, i.release)
	defer stop()
	for {
		c, err := i.listener.Accept()
		if err != nil {
			return
		}
		wg.Go(func() {
			defer c.Close()
			_ = c.SetDeadline(time.Now().Add(wordTime))
			word, err := bufio.NewReader(io.LimitReader(c, 64)).ReadString('\n')
			if err != nil {
				return
			}
			if hear(strings.TrimSuffix(word, "\n")) {
				_, _ = io.WriteString(c, "ok\n")
			}
		})
	}
}

// release gives up the claim.
func (i *instance) release() { _ = i.listener.Close() }

// tell says a word to the process that listens at path, and returns when what it
// asks for is done. The error is control.ErrNotRunning when there is none.
func tell(ctx context.Context, path, word string) error {
	ctx, cancel := context.WithTimeout(ctx, wordTime)
	defer cancel()
	c, err := control.DialSocket(ctx, path)
	if err != nil {
		return err
	}
	defer c.Close()
	stop := context.AfterFunc(ctx, func() { _ = c.SetDeadline(time.Now()) })
	defer stop()
	if _, err := io.WriteString(c, word+"\n"); err != nil {
		return fmt.Errorf("tell the first process: %w", err)
	}
	if _, err := bufio.NewReader(c).ReadString('\n'); err != nil {
		return fmt.Errorf("wait for the first process: %w", err)
	}
	return nil
}

// claimOr makes this process the one at path, or says word to the one that is
// there and returns nil. A process that is just ending is waited for.
func claimOr(ctx context.Context, path, word string) (*instance, error) {
	for deadline := time.Now().Add(2 * wordTime); ; {
		first, err := claim(path)
		if !errors.Is(err, control.ErrInUse) {
			return first, err
		}
		if err = tell(ctx, path, word); err == nil {
			return nil, nil
		}
		if time.Now().After(deadline) {
			return nil, fmt.Errorf("bring the first process to the front: %w", err)
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(claimPause):
		}
	}
}

// claimPause is how long a process that is ending is given before the next look.
const claimPause = 50 * time.Millisecond
