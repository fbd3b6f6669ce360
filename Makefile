# Two commands do everything: "make run" and "make test". "make help" lists the rest.

# A tag for Fyne: OpenGL ES compiles in half the time of OpenGL, and every Linux has it.
TAGS    := $(if $(filter Linux,$(shell uname -s)),gles)
VERSION := $(shell sed -n 's/^ *Version *= *"\(.*\)".*/\1/p' FyneApp.toml 2>/dev/null)
# UPDATE_KEY is the public key of the release index, which a release is built with.
STAMP   := -s -w -X main.version=$(or $(VERSION),devel)$(if $(UPDATE_KEY), -X main.updateKey=$(UPDATE_KEY))
GO      := go

# Fyne's C takes minutes to compile and is cached by its flags: all steps that need it use these, as the
# packages do, which have to be position-independent.
PIE    := $(if $(TAGS),-buildmode=pie)
CACHED := $(if $(TAGS),-tags $(TAGS)) $(PIE) -trimpath

# The tray needs cgo on macOS only.
LEAN := $(if $(filter Darwin,$(shell uname -s)),,CGO_ENABLED=0)

# The desktop program alone needs cgo; it is tested with a screen, by test-desktop.
UNITS = $$($(GO) list $(CACHED) ./... | grep -v '/cmd/millpond$$')

PLATFORMS ?= linux/amd64 linux/arm64 darwin/amd64 darwin/arm64 windows/amd64 windows/arm64
STEPS     := install modules build vet staticcheck cross test-unit test-idle test-fronts test-desktop test-e2e test-system test-package
FUZZTIME  ?= 30s

.PHONY: help run test build $(filter-out build,$(STEPS)) package package-windows test-windows fuzz tidy bench screenshots clean

help: ## list these targets
	@sed -n 's/^\([a-z0-9-]*\):.*## /\1|/p' Makefile | awk -F'|' '{ printf "  make %-15s %s\n", $$1, $$2 }'

run: ## install what is missing, build, run the daemon and (with a display) the application
	@.ci/install build
	@$(MAKE) --no-print-directory build
	@.ci/run-local

test: ## install what is missing, then every check and test: the steps below, in order
	@export PLATFORMS="linux/arm64 darwin/arm64 windows/amd64"; n=0; began=$$(date +%s); for step in $(STEPS); do \
		n=$$((n + 1)); echo "[$$n/$(words $(STEPS))] $$step ($$(($$(date +%s) - began)) s so far)"; \
		$(MAKE) --no-print-directory $$step || { echo "make test stopped at: make $$step"; exit 1; }; \
	done; echo "all $$n steps passed in $$(($$(date +%s) - began)) s"

install: ## install what this machine lacks, by the system's package manager
	@.ci/install build test package

modules: ## download the dependencies
	$(GO) mod download
	cd cmd/e2e && $(GO) mod download
	cd installer/package && $(GO) mod download

build: ## the programs, into build/: the daemon, the tray (without Fyne, so that it stays small) and the window
	@mkdir -p build
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags "$(STAMP)" -o build/ ./cmd/millpondd
	$(LEAN) $(GO) build -trimpath -tags lean -ldflags "$(STAMP)" -o build/millpond ./cmd/millpond
	$(GO) build $(CACHED) -ldflags "$(STAMP)" -o build/millpond-window ./cmd/millpond

vet: ## go vet, and gofmt changes nothing
	@unformatted=$$(gofmt -l $$(git ls-files '*.go')); \
		if [ -n "$$unformatted" ]; then echo "run gofmt -w on:" $$unformatted; exit 1; fi
	$(GO) vet $(CACHED) ./...
	$(LEAN) $(GO) vet -tags lean ./cmd/millpond
	cd cmd/e2e && $(GO) vet ./... && $(GO) vet -tags packages ./system ./windows
	cd installer/package && $(GO) vet ./...

staticcheck: ## the pinned staticcheck
	GOFLAGS="$(GOFLAGS) $(PIE) -trimpath" $(GO) tool staticcheck $(if $(TAGS),-tags $(TAGS)) ./...

cross: ## the daemon for every system, without cgo
	@set -e; for p in $(PLATFORMS); do echo "  $$p"; \
		CGO_ENABLED=0 GOOS=$${p%/*} GOARCH=$${p#*/} $(GO) build -trimpath -ldflags "$(STAMP)" \
			-o build/cross/$${p%/*}-$${p#*/}/ ./cmd/millpondd; done

test-unit: ## all tests of the packages, with the race detector
	$(GO) test $(if $(TAGS),-tags $(TAGS)) -race -shuffle=on -timeout 20m $(UNITS)
	cd installer/package && $(GO) test -shuffle=on ./...

test-idle: ## the race with the upstream's idle close; alone and without the race detector, since it is about time
	$(GO) test $(if $(TAGS),-tags $(TAGS)) -run 'Idle|CloseBehind' -timeout 5m ./proxy/general

test-fronts: ## 100,000 mutated requests and answers through both fronts; without the race detector, which test-unit has
	$(GO) test $(if $(TAGS),-tags $(TAGS)) -run FrontsDifferential -timeout 10m ./proxy/general -front fast -mutations 100000

test-desktop: ## the application on a screen in memory, with a message bus of its own
	xvfb-run -a -s '-screen 0 1280x800x24 -nolisten tcp' dbus-run-session -- \
		env LIBGL_ALWAYS_SOFTWARE=1 $(GO) test $(CACHED) -shuffle=on -timeout 20m ./cmd/millpond/... ./app/...

test-e2e: ## the built daemon as a process, against real clients and upstreams
	cd cmd/e2e && $(GO) test -shuffle=on -timeout 15m $$($(GO) list ./... | grep -v '/system$$')

test-system: ## a whole installation's life on a real systemd, in a container of our own; where none boots it says why and skips
	cd cmd/e2e && $(GO) test -count=1 -v -timeout 15m ./system

package: ## a .deb, an .rpm, a tarball and, where MinGW-w64 and makensis are, the setup for Windows, into dist/
	@.ci/install build
	cd installer/package && $(GO) run . -out $(CURDIR)/dist $(if $(UPDATE_KEY),-update-key $(UPDATE_KEY)) deb rpm tar \
		$$(command -v makensis >/dev/null && command -v x86_64-w64-mingw32-gcc >/dev/null && echo setup)

package-windows: ## the setup for Windows alone, into dist/, after installing what makes it
	@.ci/install build windows
	cd installer/package && $(GO) run . -out $(CURDIR)/dist $(if $(UPDATE_KEY),-update-key $(UPDATE_KEY)) setup

test-package: ## the packages made, the .deb checked by lintian, and their lives on a real systemd: install, first run by clicks, upgrade under traffic, remove
	@.ci/install build test package
	rm -rf build/packages && mkdir -p build/packages
	cd installer/package && $(GO) run . -out $(CURDIR)/build/packages/older deb rpm tar appdir && \
		$(GO) run . -version 9.9.9 -out $(CURDIR)/build/packages/newer deb rpm appdir
	@if command -v lintian >/dev/null; then echo lintian; lintian --fail-on error,warning build/packages/older/*.deb; \
		else echo "the .deb is not checked: lintian is not installed"; fi
	cd cmd/e2e && MILLPOND_PACKAGES=$(CURDIR)/build/packages $(GO) test -tags packages -run TestPackage -count=1 -v -timeout 20m ./system

# Not a step of "make test": compiling Fyne's C for Windows takes minutes once more, and wine half a gigabyte.
test-windows: ## the setup's life under wine: install, use, upgrade while it runs and in vain, uninstall
	@.ci/install build windows wine
	rm -rf build/setups && mkdir -p build/setups
	cd installer/package && $(GO) run . -out $(CURDIR)/build/setups/older setup && \
		$(GO) run . -version 9.9.9 -out $(CURDIR)/build/setups/newer setup
	mv build/setups/older/*.exe build/setups/older-setup.exe; mv build/setups/newer/*.exe build/setups/newer-setup.exe
	cd cmd/e2e && MILLPOND_PACKAGES=$(CURDIR)/build/setups $(GO) test -tags packages -count=1 -v -timeout 30m ./windows

screenshots: ## pictures of every page and state, into build/screenshots
	@mkdir -p build/screenshots
	MILLPOND_SCREENSHOTS=$(CURDIR)/build/screenshots $(GO) test $(CACHED) -count=1 -timeout 60m -run Pictures ./app/window
	MILLPOND_SCREENSHOTS=$(CURDIR)/build/screenshots xvfb-run -a -s '-screen 0 1280x800x24 -nolisten tcp' dbus-run-session -- \
		env LIBGL_ALWAYS_SOFTWARE=1 $(GO) test $(CACHED) -count=1 -timeout 30m ./cmd/millpond

fuzz: ## every fuzz target for FUZZTIME (30s)
	@set -e; grep -rl --include='*_test.go' '^func Fuzz' . | sort | while read -r file; do \
		for target in $$(sed -n 's/^func \(Fuzz[A-Za-z0-9_]*\)(.*/\1/p' "$$file"); do \
			echo "$$(dirname "$$file") $$target"; \
			$(GO) test -run '^$$' -fuzz "^$$target$$" -fuzztime $(FUZZTIME) "$$(dirname "$$file")" </dev/null; \
		done; done

tidy: ## go.mod must list exactly what is used; this asks for the tests of dependencies too
	$(GO) mod tidy -diff
	cd cmd/e2e && $(GO) mod tidy -diff
	cd installer/package && $(GO) mod tidy -diff

bench: ## the benchmarks of what runs per request
	$(GO) test -run '^$$' -bench . -benchmem ./proxy/...

clean: ## what the other targets made
	rm -rf build dist
