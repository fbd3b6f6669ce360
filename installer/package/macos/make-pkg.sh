#!/bin/sh
# Makes the package of what lies beside this script, into the folder above. It runs on macOS alone, whose
# programs it calls. These variables are optional:
#
#   MILLPOND_SIGN_APP, MILLPOND_SIGN_PKG    the identities "Developer ID Application" and "Developer ID
#                                           Installer" in the keychain; without both the package is not
#                                           signed, and its name says so
#   MILLPOND_NOTARY_KEY, MILLPOND_NOTARY_KEY_ID, MILLPOND_NOTARY_ISSUER
#                                           the file, the id and the issuer of the key for Apple's notary
set -eu
cd "$(dirname "$0")"
app='root/{{.Title}}.app'
pkg='../{{.Name}}-{{.Version}}-macos-universal.pkg'

plutil -lint "$app/Contents/Info.plist" "$app"/Contents/Resources/*.lproj/InfoPlist.strings component.plist
for program in {{.Name}} {{.Name}}d {{.Name}}-window; do
	lipo "$app/Contents/MacOS/$program" -verify_arch arm64 x86_64
done

# sign signs a program or the bundle. Without an identity it is a signature that says nothing of whose it
# is; Apple's own processors run nothing without any.
sign() {
	if [ -n "${MILLPOND_SIGN_APP:-}" ]; then
		codesign --force --options runtime --timestamp --sign "$MILLPOND_SIGN_APP" "$@"
	else
		codesign --force --sign - "$@"
	fi
}
for program in {{.Name}}d {{.Name}}-window; do
	sign --identifier "{{.ID}}.$program" "$app/Contents/MacOS/$program"
done
sign "$app"
codesign --verify --deep --strict --verbose=2 "$app"

pkgbuild --root root --component-plist component.plist --scripts scripts --install-location /Applications \
	--identifier '{{.ID}}' --version '{{.Numbers}}' '{{.Name}}.pkg'
if [ -z "${MILLPOND_SIGN_APP:-}" ] || [ -z "${MILLPOND_SIGN_PKG:-}" ]; then
	pkg="${pkg%.pkg}-unsigned.pkg"
	productbuild --distribution distribution.xml --package-path . "$pkg"
	echo "made $pkg, which is not signed"
	exit 0
fi
productbuild --distribution distribution.xml --package-path . --timestamp --sign "$MILLPOND_SIGN_PKG" "$pkg"
pkgutil --check-signature "$pkg"
if [ -n "${MILLPOND_NOTARY_KEY:-}" ]; then
	xcrun notarytool submit "$pkg" --wait --key "$MILLPOND_NOTARY_KEY" \
		--key-id "$MILLPOND_NOTARY_KEY_ID" --issuer "$MILLPOND_NOTARY_ISSUER"
	xcrun stapler staple "$pkg"
fi
echo "made $pkg"
