package app

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"fyne.io/fyne/v2"

	"millpond/app/model"
	"millpond/app/window"
	"millpond/assets"
	"millpond/proxy/control"
)

// windowPace is how often the window's figures may change.
const windowPace = 500 * time.Millisecond

// RunWindow shows the window until a person closes it or ctx is done. It must
// be called on the main goroutine. Where the window is open already, that one
// comes to the front.
func RunWindow(ctx context.Context, c Config) error {
	first, err := claim(c.windowSocket())
	if errors.Is(err, control.ErrInUse) {
		return tell(ctx, c.windowSocket(), show)
	}
	if err != nil {
		return fmt.Errorf("open the window: %w", err)
	}
	defer first.release()
	say, err := Speak()
	if err != nil {
		return err
	}
	application := c.NewFyne()
	application.Settings().SetTheme(window.Theme(window.System))
	application.SetIcon(fyne.NewStaticResource("millpond.png", assets.AppIcon))
	c.attend(ctx, application, first, say)
	return nil
}

// attend shows the window of application and keeps it up to date until it is
// closed.
func (c Config) attend(ctx context.Context, application fyne.App, first *instance, say func(model.Text) string) {
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()

	frame := application.NewWindow("Millpond")
	var content *window.Window
	daemon := newLink(c.Socket, windowPace, func(v model.View) {
		onUI(func() { content.Show(v) })
	})
	content = window.New(say, window.Actions{
		Switch: func(on bool) { daemon.turn(ctx, on) },
		Copy:   application.Clipboard().SetContent,
	}, c.notice())
	frame.SetContent(content.Content())
	frame.Resize(window.Size)
	frame.CenterOnScreen()

	application.Lifecycle().SetOnStarted(func() {
		wg.Go(func() { daemon.run(ctx) })
		wg.Go(func() {
			first.serve(ctx, func(string) { onUI(func() { frame.Show(); frame.RequestFocus() }) })
		})
		context.AfterFunc(ctx, func() { onUI(application.Quit) })
	})
	frame.ShowAndRun()
}

// notice returns what the window says about the desktop, if anything.
func (c Config) notice() model.Text {
	if c.NoTray {
		return model.T("reason.no_tray")
	}
	return model.Text{}
}

// onUI is the one crossing into Fyne's goroutine. It does not wait.
func onUI(f func()) { fyne.Do(f) }
