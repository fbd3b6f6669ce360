package main

import (
	"debug/elf"
	"fmt"
	"os"
	"regexp"
	"slices"
)

// A library is one that the window needs.
type library struct {
	soname string
	deb    string // the package that has it, in Debian's words
}

// libraries are those that the window is linked with, or loads by name and does not open without: those of
// x11_init.c, wl_init.c, glx_context.c and egl_context.c in GLFW. The other programs need none.
//
// An .rpm asks for them by their own names, since every distribution's packages are called otherwise.
var libraries = []library{
	{"libc.so.6", "libc6 (>= 2.34)"}, {"libm.so.6", "libc6 (>= 2.34)"},
	{"libGL.so.1", "libgl1"},                                   // draws under X11
	{"libEGL.so.1", "libegl1"}, {"libGLESv2.so.2", "libgles2"}, // draw under Wayland
	{"libX11.so.6", "libx11-6"}, {"libXcursor.so.1", "libxcursor1"}, {"libXi.so.6", "libxi6"},
	{"libXinerama.so.1", "libxinerama1"}, {"libXrandr.so.2", "libxrandr2"}, {"libXxf86vm.so.1", "libxxf86vm1"},
	{"libwayland-client.so.0", "libwayland-client0"}, {"libwayland-cursor.so.0", "libwayland-cursor0"},
	{"libwayland-egl.so.1", "libwayland-egl1"}, {"libxkbcommon.so.0", "libxkbcommon0"},
}

// glibc is the oldest C library that has all the functions which the window calls.
const glibc = "GLIBC_2.34"

// optional are libraries that the window knows by name and opens without, each with the reason.
var optional = map[string]string{
	"libXext.so.6":      "input to a window that is not a rectangle; libXi needs it, too",
	"libXrender.so.1":   "see-through windows; libXcursor needs it, too",
	"libX11-xcb.so.1":   "Vulkan, which we do not draw with",
	"libvulkan.so.1":    "Vulkan",
	"libdecor-0.so.0":   "a frame on Wayland where the desktop draws none: recommended",
	"libGLX.so.0":       "a part of libGL.so.1",
	"libOpenGL.so.0":    "OpenGL without ES, which we do not draw with",
	"libGLES_CM.so.1":   "an older OpenGL ES",
	"libGLESv1_CM.so.1": "an older OpenGL ES",
	"libOSMesa.so.6":    "drawing without a screen",
	"libOSMesa.so.8":    "drawing without a screen",
	"libGL.so":          "a name of libGL.so.1 on other systems",
}

// depends lists what a package of the format needs.
func depends(format string) []string {
	var list []string
	for _, l := range libraries {
		need := l.deb
		if format == "rpm" {
			need = l.soname + "()(64bit)"
		}
		list = append(list, need)
	}
	if format == "rpm" {
		list[0] = libraries[0].soname + "(" + glibc + ")(64bit)"
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// checkLibraries returns an error when the program at path needs a library, or a C library, that our
// packages do not ask for.
func checkLibraries(path string) error {
	program, err := elf.Open(path)
	if err != nil {
		return err
	}
	defer program.Close()
	linked, err := program.ImportedLibraries()
	if err != nil {
		return err
	}
	called, err := program.ImportedSymbols()
	if err != nil {
		return err
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	for _, s := range called {
		if newer(s.Version, glibc) {
			return fmt.Errorf("%s of %s asks for %s, which is newer than %s: raise it in libraries.go", s.Name, path, s.Version, glibc)
		}
	}
	return unknownLibrary(linked, text)
}

// sonames matches the names by which a C program loads libraries: whole strings.
var sonames = regexp.MustCompile(`\x00(lib[A-Za-z0-9_-]+\.so(?:\.[0-9]+)*)\x00`)

// unknownLibrary returns an error when a program is linked with a library that is not in libraries, or
// names one that is in neither list.
func unknownLibrary(linked []string, text []byte) error {
	known := func(name string) bool {
		return slices.ContainsFunc(libraries, func(l library) bool { return l.soname == name })
	}
	for _, name := range linked {
		if !known(name) {
			return fmt.Errorf("the window is linked with %s, which no package asks for: add it in libraries.go", name)
		}
	}
	for len(text) > 0 {
		at := sonames.FindSubmatchIndex(text)
		if at == nil {
			break
		}
		name := string(text[at[2]:at[3]])
		if _, ok := optional[name]; !ok && !known(name) {
			return fmt.Errorf("the window loads %s, which no package asks for: add it in libraries.go", name)
		}
		text = text[at[3]:] // its last zero may begin the next
	}
	return nil
}

// newer reports whether a version of the C library's functions, such as GLIBC_2.34, is newer than another.
// Other versions are older.
func newer(a, b string) bool {
	var major, minor, wantMajor, wantMinor int
	if n, _ := fmt.Sscanf(a, "GLIBC_%d.%d", &major, &minor); n != 2 {
		return false
	}
	_, _ = fmt.Sscanf(b, "GLIBC_%d.%d", &wantMajor, &wantMinor) // it is ours
	return major > wantMajor || major == wantMajor && minor > wantMinor
}
