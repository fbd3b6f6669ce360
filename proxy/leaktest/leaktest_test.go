package leaktest

import (
	"net"
	"testing"
)

// What a test opens and starts is seen, and no more once it has ended.
func TestSeesWhatIsLeft(t *testing.T) {
	wakePoller(t)
	goroutines, descriptors := stacks(), open()
	end, ended := make(chan struct{}), make(chan struct{})
	go func() { <-end; close(ended) }()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if got := beyond(goroutines, stacks()); len(got) != 1 {
		t.Errorf("%d goroutines beyond; want 1: %q", len(got), got)
	}
	if got := beyond(descriptors, open()); descriptors != nil && len(got) != 1 {
		t.Errorf("%d descriptors beyond; want 1: %q", len(got), got)
	}
	close(end)
	<-ended
	ln.Close()
	t.Run("nothing is left", func(t *testing.T) { Check(t) })
}
