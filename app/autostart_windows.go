package app

import (
	"errors"
	"fmt"

	"golang.org/x/sys/windows/registry"
)

// startsAtLogin reports whether the tray starts at login.
func startsAtLogin() (bool, error) {
	key, err := registry.OpenKey(registry.CURRENT_USER, autostartKey, registry.QUERY_VALUE)
	if errors.Is(err, registry.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("open the Run key: %w", err)
	}
	defer key.Close()
	_, _, err = key.GetStringValue(autostartValue)
	if err != nil && !errors.Is(err, registry.ErrNotExist) {
		return false, fmt.Errorf("read the Run key: %w", err)
	}
	return err == nil, nil
}

// startAtLogin makes the tray start at login, or not. It is idempotent.
func startAtLogin(on bool) error {
	key, _, err := registry.CreateKey(registry.CURRENT_USER, autostartKey, registry.SET_VALUE)
	if err != nil {
		return fmt.Errorf("open the Run key: %w", err)
	}
	defer key.Close()
	if on {
		err = key.SetStringValue(autostartValue, runValue(trayProgram()))
	} else if err = key.DeleteValue(autostartValue); errors.Is(err, registry.ErrNotExist) {
		err = nil
	}
	if err != nil {
		return fmt.Errorf("write the Run key: %w", err)
	}
	return nil
}
