package service

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
)

// lingerDir holds a file for each user whose services run without a login (loginctl(1)).
const lingerDir = "/var/lib/systemd/linger"

// lingers reports whether this user's services start with the machine; nil if that is unknown.
func lingers() *bool {
	u, err := user.Current()
	if err != nil {
		return nil
	}
	_, err = os.Stat(filepath.Join(lingerDir, u.Username))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil
	}
	yes := err == nil
	return &yes
}

// EnableLinger lets the user's services start with the machine, and go on after the last logout.
// Where that is not a question it does nothing.
func (s *Service) EnableLinger(ctx context.Context) error {
	if _, ok := s.manager.(*systemd); !ok || s.config.Kind != User {
		return nil
	}
	if on := lingers(); on != nil && *on {
		return nil
	}
	out, err := exec.CommandContext(ctx, "loginctl", "enable-linger").CombinedOutput()
	if err != nil {
		return fmt.Errorf("let the service start with the machine: loginctl: %s (%w); ask an administrator to run \"loginctl enable-linger %s\"",
			strings.TrimSpace(string(out)), err, os.Getenv("USER"))
	}
	return nil
}
