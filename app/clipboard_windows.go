package app

import (
	"context"
	"fmt"
	"runtime"
	"unsafe"

	"golang.org/x/sys/windows"
)

// A clipboard takes text in a process without a window. The zero value is ready.
type clipboard struct{}

// The functions of the clipboard, which golang.org/x/sys/windows lacks.
var (
	user32         = windows.NewLazySystemDLL("user32.dll")
	openClipboard  = user32.NewProc("OpenClipboard")
	closeClipboard = user32.NewProc("CloseClipboard")
	emptyClipboard = user32.NewProc("EmptyClipboard")
	setData        = user32.NewProc("SetClipboardData")
	kernel32       = windows.NewLazySystemDLL("kernel32.dll")
	globalAlloc    = kernel32.NewProc("GlobalAlloc")
	globalLock     = kernel32.NewProc("GlobalLock")
	globalUnlock   = kernel32.NewProc("GlobalUnlock")
	globalFree     = kernel32.NewProc("GlobalFree")
)

const (
	unicodeText = 13 // CF_UNICODETEXT
	moveable    = 2  // GMEM_MOVEABLE, which SetClipboardData asks for
)

// set puts text on the clipboard, which then owns it.
func (*clipboard) set(_ context.Context, text string) error {
	letters, err := windows.UTF16FromString(text)
	if err != nil {
		return fmt.Errorf("write as UTF-16: %w", err)
	}
	runtime.LockOSThread() // the clipboard belongs to the thread that opened it
	defer runtime.UnlockOSThread()
	if ok, _, err := openClipboard.Call(0); ok == 0 {
		return fmt.Errorf("open the clipboard: %w", err)
	}
	defer closeClipboard.Call()
	if ok, _, err := emptyClipboard.Call(); ok == 0 {
		return fmt.Errorf("empty the clipboard: %w", err)
	}
	memory, err := globalCopy(letters)
	if err != nil {
		return err
	}
	if ok, _, err := setData.Call(unicodeText, memory); ok == 0 {
		globalFree.Call(memory)
		return fmt.Errorf("fill the clipboard: %w", err)
	}
	return nil
}

// globalCopy copies letters to memory that another process can be given.
func globalCopy(letters []uint16) (uintptr, error) {
	memory, _, err := globalAlloc.Call(moveable, uintptr(len(letters)*2))
	if memory == 0 {
		return 0, fmt.Errorf("allocate for the clipboard: %w", err)
	}
	place, _, err := globalLock.Call(memory)
	if place == 0 {
		globalFree.Call(memory)
		return 0, fmt.Errorf("lock for the clipboard: %w", err)
	}
	// The conversion by way of a pointer keeps vet from taking place for Go's memory.
	copy(unsafe.Slice(*(**uint16)(unsafe.Pointer(&place)), len(letters)), letters)
	globalUnlock.Call(memory)
	return memory, nil
}

// close gives back what the clipboard holds, which is nothing.
func (*clipboard) close() {}
