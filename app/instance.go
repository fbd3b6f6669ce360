package app

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"time"

	"millpond/proxy/control"
)

// show is what one process of ours tells another: come to the front. The tray
// opens the window then.
const show = "show"

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
// done, and gives up the claim.
func (i *instance) serve(ctx context.Context, hear func(word string)) {
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
			hear(strings.TrimSuffix(word, "\n"))
			_, _ = io.WriteString(c, "ok\n")
		})
	}
}

// release gives up the claim.
func (i *instance) release() { _ = i.listener.Close() }

// tell says a word to the process that listens at path, and returns when it has
// been heard. The error is control.ErrNotRunning when there is none.
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
