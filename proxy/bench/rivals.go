package bench

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"text/template"
)

// A rival is a proxy that Compare knows.
type rival struct {
	name    string
	version string // "" for what is part of this program
	how     string // what a reader should know of its settings
	start   func(ctx context.Context, o Options, upstream string) (subject, error)

	program string             // that must be installed; "" for none
	ask     []string           // arguments that make it tell its version
	module  string             // of Python, that must be installed
	config  *template.Template // of its settings file
	args    func(file string) []string
}

// rivals lists all proxies that are known, those of this program first.
func rivals() []rival {
	return append([]rival{
		{name: direct, how: "no proxy, the load asks the upstream itself.", start: func(ctx context.Context, o Options, upstream string) (subject, error) { return straight(upstream) }},
		{name: ours, how: "preset fan-out, one upstream.", start: func(ctx context.Context, o Options, upstream string) (subject, error) {
			return start(ctx, o, ours, upstream)
		}},
		{name: slower, how: "the same with [listen].fast = false: net/http takes every request.", start: func(ctx context.Context, o Options, upstream string) (subject, error) {
			return start(ctx, o, slower, upstream)
		}},
		{name: "ReverseProxy tuned", how: "Go's httputil.ReverseProxy with enough idle connections and a buffer pool, as a process of its own.",
			start: func(ctx context.Context, o Options, upstream string) (subject, error) {
				return startReverse(ctx, o, ReverseTuned, "ReverseProxy tuned", upstream)
			}},
		{name: "ReverseProxy default", how: "the same with http.DefaultTransport, which keeps 2 idle connections for a host.",
			start: func(ctx context.Context, o Options, upstream string) (subject, error) {
				return startReverse(ctx, o, ReverseDefault, "ReverseProxy default", upstream)
			}},
	}, foreign()...)
}

// foreign lists the proxies that may be installed.
func foreign() []rival {
	return []rival{
		{name: "nginx", program: "nginx", ask: []string{"-v"}, config: nginxConfig, how: "keepalive 1024 to the upstream, without end; access_log off; buffering as it comes.",
			args: func(file string) []string { return []string{"-p", filepath.Dir(file), "-c", file} }},
		{name: "HAProxy", program: "haproxy", ask: []string{"-v"}, config: haproxyConfig, how: "http-reuse always, pool without limit; no log.",
			args: func(file string) []string { return []string{"-db", "-f", file} }},
		{name: "Caddy", program: "caddy", ask: []string{"version"}, config: caddyConfig, how: "keepalive_idle_conns_per_host 1024; no log.",
			args: func(file string) []string { return []string{"run", "--config", file, "--adapter", "caddyfile"} }},
		{name: "aiohttp", program: "python3", module: "aiohttp", config: aiohttpProgram, how: "a proxy of 20 lines over one shared ClientSession, limit 0; one process and therefore one core.",
			args: func(file string) []string { return []string{file} }},
		{name: "httpx", program: "python3", module: "httpx,uvicorn", config: httpxProgram, how: "a proxy of 20 lines over uvicorn and one shared AsyncClient, 1000/200 connections; one process and therefore one core.",
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

// launch writes the rival's settings to a folder of its own and starts it.
func (r rival) launch(ctx context.Context, o Options, upstream string) (s subject, err error) {
	u, err := url.Parse(upstream)
	if err != nil {
		return s, fmt.Errorf("read the upstream's address: %w", err)
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
	address, err := freeAddress(ctx)
	if err != nil {
		return s, err
	}
	var text strings.Builder
	if err := r.config.Execute(&text, struct {
		Listen, Upstream, Folder string
		Cores                    int
	}{address, u.Host, folder, o.Cores}); err != nil {
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
    listen {{.Listen}};
    location / { proxy_pass http://up; proxy_http_version 1.1; proxy_set_header Connection ""; }
  }
}
`)
	haproxyConfig = settingsOf("haproxy", `global
  nbthread {{.Cores}}
defaults
  mode http
  timeout connect 10s
  timeout client 5m
  timeout server 5m
  http-reuse always
frontend f
  bind {{.Listen}}
  default_backend b
backend b
  server up {{.Upstream}} pool-max-conn -1 pool-purge-delay 5m
`)
	caddyConfig = settingsOf("caddy", `{
  admin off
  auto_https off
  log {
    output discard
  }
}
http://{{.Listen}} {
  reverse_proxy {{.Upstream}} {
    transport http {
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
