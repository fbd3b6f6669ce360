package service

import (
	"context"
	"errors"
	"io"
	"sync"

	kardianos "github.com/kardianos/service"
	"golang.org/x/sys/windows"
	"golang.org/x/sys/windows/svc"
)

func host(ctx context.Context, run func(context.Context) error) error {
	if !kardianos.Interactive() {
		return hostService(ctx, run)
	}
	return hostStoppable(ctx, run)
}

func eventLog() io.Writer {
	if kardianos.Interactive() {
		return nil
	}
	s, err := kardianos.New(idle{}, &kardianos.Config{Name: Name})
	if err != nil {
		return nil
	}
	log, err := s.SystemLogger(nil)
	if err != nil {
		return nil // the log file has everything
	}
	return leveled{
		failure: func(text string) { _ = log.Error(text) },
		warning: func(text string) { _ = log.Warning(text) },
	}
}

// hostService runs under the service control manager, which kardianos/service answers. It accepts stop and shutdown; a pause
// is the daemon's own, by its control socket.
//
// kardianos/service v1.3.0 does not learn that the program has ended by itself, and would report a dead service as
// running. So the manager's requests pass through us, and the end of the daemon is one more request to stop.
func hostService(ctx context.Context, run func(context.Context) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	h := &hosted{ctx: ctx, cancel: cancel, run: run, ended: make(chan struct{})}
	s, err := kardianos.New(h, &kardianos.Config{Name: Name})
	if err != nil {
		return err
	}
	handler, ok := s.(svc.Handler)
	if !ok {
		return errors.New("kardianos/service no longer answers the service control manager")
	}
	err = svc.Run(Name, &relay{handler: handler, ended: h.ended})
	cancel()
	h.wg.Wait()
	return errors.Join(h.err, err)
}

// A relay hands the manager's requests on, and asks to stop when the daemon has ended.
type relay struct {
	handler svc.Handler
	ended   <-chan struct{}
}

// Execute is called by Windows once. The exit code tells it whether to start the service again.
func (r *relay) Execute(args []string, asked <-chan svc.ChangeRequest, changes chan<- svc.Status) (bool, uint32) {
	handed, over := make(chan svc.ChangeRequest), make(chan struct{})
	var wg sync.WaitGroup
	defer wg.Wait()
	defer close(over)
	wg.Go(func() {
		for {
			var request svc.ChangeRequest
			select {
			case request = <-asked:
			case <-r.ended:
				request = svc.ChangeRequest{Cmd: svc.Stop}
			case <-over:
				return
			}
			select {
			case handed <- request:
			case <-over:
				return
			}
		}
	})
	return r.handler.Execute(args, handed, changes)
}

// hosted is the daemon between Start and Stop.
type hosted struct {
	ctx    context.Context
	cancel context.CancelFunc
	run    func(context.Context) error
	wg     sync.WaitGroup
	ended  chan struct{}
	err    error // once ended is closed
}

// Start begins to run. Windows wants to hear back within 30 s, so it does not wait until the daemon serves.
func (h *hosted) Start(kardianos.Service) error {
	h.wg.Go(func() {
		defer close(h.ended)
		h.err = h.run(h.ctx)
	})
	return nil
}

// Stop ends the daemon and says how it ended, so that Windows starts again what has failed.
func (h *hosted) Stop(kardianos.Service) error {
	h.cancel()
	<-h.ended
	return h.err
}

// hostStoppable runs at log-on and at a terminal, until ctx is done or the event is set.
func hostStoppable(ctx context.Context, run func(context.Context) error) error {
	ctx, cancel := context.WithCancel(ctx)
	name, err := windows.UTF16PtrFromString(stopEvent)
	if err != nil {
		cancel()
		return err
	}
	const manualReset, initial = 1, 0
	stop, err := windows.CreateEvent(nil, manualReset, initial, name)
	if err != nil && !errors.Is(err, windows.ERROR_ALREADY_EXISTS) {
		cancel()
		return err
	}
	over, err := windows.CreateEvent(nil, manualReset, initial, nil)
	if err != nil {
		cancel()
		return errors.Join(err, windows.CloseHandle(stop))
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		_, _ = windows.WaitForMultipleObjects([]windows.Handle{stop, over}, false, windows.INFINITE)
		cancel()
	})
	err = run(ctx)
	err = errors.Join(err, windows.SetEvent(over))
	wg.Wait()
	return errors.Join(err, windows.CloseHandle(stop), windows.CloseHandle(over))
}
