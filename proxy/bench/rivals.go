package bench

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"text/template"

	"millpond/proxy/porttest"
)

// A rival is a proxy that Compare knows.
type rival struct {
	name    string
	version string // "" for what is part of this program
	how     string // what a reader should know of its settings
	start   func(ctx context.Context, o Options, before origin) (subject, error)

	// onlyFirst is for what would say little in another shape, take long or not work: it is compared
	// in shape requests alone, over the first number of connections.
	onlyFirst bool

	program string             // that must be installed; "" for none
	ask     []string           // arguments that make it tell its version
	module  string             // of Python, that must be installed
	config  *template.Template // of its settings file
	args    func(file string) []string
}

// rivals lists all proxies that are known, those of this program first.
func rivals() []rival {
	return append([]rival{
		{name: direct, how: "no proxy, the load asks the upstream itself.", onlyFirst: true, start: func(_ context.Context, _ Options, before origin) (subject, error) { return straight(before) }},
		{name: ours, how: "as many connections as are wanted, 1024 of them idle, one upstream.", start: ourselves(ours)},
		{name: slower, how: "the same with [listen].fast = false: net/http takes every request.", start: ourselves(slower)},
		{name: reverse, how: "Go's httputil.ReverseProxy with enough idle connections and a buffer pool, as a process of its own.", start: goes(ReverseTuned, reverse)},
		{name: "ReverseProxy default", how: "the same with http.DefaultTransport, which keeps 2 idle connections for a host.", onlyFirst: true, start: goes(ReverseDefault, "ReverseProxy default")},
	}, foreign()...)
}

// Proxies lists the names of all proxies that Compare knows.
func Proxies() (names []string) {
	for _, r := range rivals() {
		names = append(names, r.name)
	}
	return names
}

// ourselves starts a Millpond whose limits are as wide as those of the others.
func ourselves(name string) func(context.Context, Options, origin) (subject, error) {
	return func(ctx context.Context, o Options, before origin) (subject, error) {
		return startMillpondBefore(ctx, o, name, before, widePool(1024))
	}
}

// goes starts one of the two reverse proxies of Go's library.
func goes(kind, name string) func(context.Context, Options, origin) (subject, error) {
	return func(ctx context.Context, o Options, before origin) (subject, error) {
		return startReverse(ctx, o, kind, name, before)
	}
}

// foreign lists the proxies that may be installed.
func foreign() []rival {
	return []rival{
		{name: "nginx", program: "nginx", ask: []string{"-v"}, config: nginxConfig, how: "keepalive 1024 to the upstream, without end; access_log off; TLS verified, with sessions used again; buffering as it comes, in shapes of streams off.",
			args: func(file string) []string { return []string{"-p", filepath.Dir(file), "-c", file} }},
		{name: "HAProxy", program: "haproxy", ask: []string{"-v"}, config: haproxyConfig, how: "http-reuse always, pool without limit; TLS verified, with sessions used again; in shapes of streams http-no-delay, without which chunks wait for 40 ms; no log.",
			args: func(file string) []string { return []string{"-db", "-f", file} }},
		{name: "Caddy", program: "caddy", ask: []string{"version"}, config: caddyConfig, how: "keepalive_idle_conns_per_host 1024; no log.",
			args: func(file string) []string { return []string{"run", "--config", file, "--adapter", "caddyfile"} }},
		{name: "aiohttp", program: "python3", module: "aiohttp", onlyFirst: true, config: aiohttpProgram, how: "a proxy of 20 lines over one shared ClientSession, limit 0; one process and therefore one core.",
			args: func(file string) []string { return []string{file} }},
		{name: "httpx", program: "python3", module: "httpx,uvicorn", onlyFirst: true, config: httpxProgram, how: "a proxy of 20 lines over uvicorn and one shared AsyncClient, 1000/200 connections; one process and therefore one core.",
			args: func(file string) []string { return []string{file} }},
	}
}

var versionNumber = regexp.MustCompile(`\d+\.\d+(\.\d+)?`)

// installed returns the rivals that this machine has, of the named ones or all, and the names of
// those that it lacks.
func installed(only []string) (list []rival, absent []string) {
	for _, r := range rivals() {
		if len(only) > 0 && r.name != ours && !slices.ContainsFunc(only, func(name string) bool { return strings.EqualFold(name, r.name) }) {
			continue
		}
		if r.program == "" {
			list = append(list, r)
			continue
		}
		if !r.find() {
			absent = append(absent, r.name)
			continue
		}
		r.start = r.launch
		list = append(list, r)
	}
	return list, absent
}

// find looks for an installed program that tells its version, and reports whether there is
// one. A machine may have several Pythons, of which only the system's has the modules.
func (r *rival) find() bool {
	for _, path := range programs(r.program) {
		r.program = path
		if version, err := versionOf(*r); err == nil {
			r.version = version
			return true
		}
	}
	return false
}

// programs lists where a program is, also where servers are that users do not call.
func programs(name string) []string {
	var list []string
	for _, file := range []string{name, "/usr/bin/" + name, "/usr/sbin/" + name, "/usr/local/sbin/" + name, "/opt/homebrew/bin/" + name} {
		if path, err := exec.LookPath(file); err == nil && !slices.Contains(list, path) {
			list = append(list, path)
		}
	}
	return list
}

// versionOf asks a rival for its version.
func versionOf(r rival) (string, error) {
	ask := r.ask
	if r.module != "" {
		first, _, _ := strings.Cut(r.module, ",")
		ask = []string{"-c", "import " + r.module + "; print(" + first + ".__version__)"}
	}
	said, err := exec.Command(r.program, ask...).CombinedOutput()
	if err != nil {
		return "", err
	}
	return versionNumber.FindString(string(said)), nil
}

// rivalSettings is what the settings file of a rival is made of.
type rivalSettings struct {
	Listen, Upstream string // host:port
	Folder           string // of its own
	Roots            string // the file with the authority of the upstream, which is localhost; "": no TLS
	Streams          bool   // answers are event streams
	Cores            int
	Files            int // that it may have open
	Connections      int // for which they are enough
}

// launch writes the rival's settings to a folder of its own and starts it.
func (r rival) launch(ctx context.Context, o Options, before origin) (s subject, err error) {
	host, err := before.host()
	if err != nil {
		return s, err
	}
	folder, err := os.MkdirTemp("", "millpond")
	if err != nil {
		return s, fmt.Errorf("make a folder for %s: %w", r.name, err)
	}
	remove := func() { _ = os.RemoveAll(folder) }
	defer func() {
		if err != nil {
			remove()
		}
	}()
	address, release, err := porttest.Take()
	if err != nil {
		return s, err
	}
	defer release() // it listens by then
	roots, err := before.cert.write(folder)
	if err != nil {
		return s, err
	}
	var text strings.Builder
	if err := r.config.Execute(&text, rivalSettings{address, host, folder, roots, before.streams, o.Cores, openFiles(), mostConnections()}); err != nil {
		return s, fmt.Errorf("write the settings of %s: %w", r.name, err)
	}
	file := filepath.Join(folder, "settings")
	if err := os.WriteFile(file, []byte(text.String()), 0o600); err != nil {
		return s, fmt.Errorf("write the settings of %s: %w", r.name, err)
	}
	cmd := exec.Command(r.program, r.args(file)...)
	cmd.Dir = folder
	cmd.Env = append(environment(o.Cores), "XDG_CONFIG_HOME="+folder, "XDG_DATA_HOME="+folder) // Caddy saves what it was told
	p, err := launch(ctx, r.name, cmd, address, false)
	if err != nil {
		return s, err
	}
	return subject{r.name, address, p, func() { p.stop(); remove() }}, nil
}

func settingsOf(name, text string) *template.Template {
	return template.Must(template.New(name).Parse(text))
}

// The settings of each rival: connections to the upstream are kept without a limit that matters,
// nothing is logged, and as many workers as cores.
var (
	nginxConfig = settingsOf("nginx", `daemon off;
worker_processes {{.Cores}};
worker_rlimit_nofile {{.Files}};
pid {{.Folder}}/pid;
error_log stderr error;
events { worker_connections 8192; }
http {
  access_log off;
  client_body_temp_path {{.Folder}}/body;
  proxy_temp_path {{.Folder}}/proxy;
  fastcgi_temp_path {{.Folder}}/fastcgi;
  uwsgi_temp_path {{.Folder}}/uwsgi;
  scgi_temp_path {{.Folder}}/scgi;
  keepalive_requests 100000000;
  upstream up { server {{.Upstream}}; keepalive 1024; keepalive_requests 100000000; }
  server {
    listen {{.Listen}} backlog=4096;
    location / {
      proxy_pass http{{if .Roots}}s{{end}}://up;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
{{- if .Streams}}
      proxy_buffering off;
{{- end}}
{{- if .Roots}}
      proxy_ssl_protocols TLSv1.2 TLSv1.3;
      proxy_ssl_verify on;
      proxy_ssl_trusted_certificate {{.Roots}};
      proxy_ssl_server_name on;
      proxy_ssl_name localhost;
      proxy_ssl_session_reuse on;
{{- end}}
    }
  }
}
`)
	haproxyConfig = settingsOf("haproxy", `global
  nbthread {{.Cores}}
  maxconn {{.Connections}}
defaults
  mode http
  timeout connect 10s
  timeout client 5m
  timeout server 5m
  http-reuse always
{{- if .Streams}}
  option http-no-delay
{{- end}}
frontend f
  bind {{.Listen}}
  default_backend b
backend b
  server up {{.Upstream}} pool-max-conn -1 pool-purge-delay 5m{{if .Roots}} ssl verify required ca-file {{.Roots}} sni str(localhost) verifyhost localhost{{end}}
`)
	caddyConfig = settingsOf("caddy", `{
  admin off
  auto_https off
  log {
    output discard
  }
}
http://{{.Listen}} {
  reverse_proxy {{if .Roots}}https://{{end}}{{.Upstream}} {
    transport http {
{{- if .Roots}}
      tls_trusted_ca_certs {{.Roots}}
      tls_server_name localhost
{{- end}}
      keepalive_idle_conns_per_host 1024
    }
  }
}
`)
	aiohttpProgram = settingsOf("aiohttp", `from aiohttp import web, ClientSession, TCPConnector, DummyCookieJar
HOP = {"connection", "keep-alive", "transfer-encoding", "host", "content-length"}
async def session(app):
    app["client"] = ClientSession(connector=TCPConnector(limit=0), cookie_jar=DummyCookieJar(), auto_decompress=False)
    yield
    await app["client"].close()
async def relay(request):
    headers = {k: v for k, v in request.headers.items() if k.lower() not in HOP}
    async with request.app["client"].request(request.method, "http://{{.Upstream}}" + request.raw_path,
                                             headers=headers, data=await request.read()) as answer:
        body = await answer.read()
        return web.Response(status=answer.status, body=body, headers={k: v for k, v in answer.headers.items() if k.lower() not in HOP})
app = web.Application()
app.cleanup_ctx.append(session)
app.router.add_route("*", "/{path:.*}", relay)
host, port = "{{.Listen}}".rsplit(":", 1)
web.run_app(app, host=host, port=int(port), access_log=None, print=None)
`)
	httpxProgram = settingsOf("httpx", `import httpx, uvicorn
HOP = {b"connection", b"keep-alive", b"transfer-encoding", b"host", b"content-length"}
client = httpx.AsyncClient(limits=httpx.Limits(max_connections=1000, max_keepalive_connections=200), timeout=120, trust_env=False)
async def app(scope, receive, send):
    if scope["type"] != "http":
        return
    body, more = b"", True
    while more:
        message = await receive()
        body, more = body + message.get("body", b""), message.get("more_body", False)
    url = "http://{{.Upstream}}" + scope["raw_path"].decode() + ("?" + scope["query_string"].decode() if scope["query_string"] else "")
    answer = await client.request(scope["method"], url, headers=[h for h in scope["headers"] if h[0] not in HOP], content=body)
    headers = [(k, v) for k, v in answer.headers.raw if k.lower() not in HOP] + [(b"content-length", str(len(answer.content)).encode())]
    await send({"type": "http.response.start", "status": answer.status_code, "headers": headers})
    await send({"type": "http.response.body", "body": answer.content})
host, port = "{{.Listen}}".rsplit(":", 1)
uvicorn.run(app, host=host, port=int(port), log_level="error", access_log=False, lifespan="off")
`)
)
