package dev.millrace.jobs.evaluate.report;

/** Texts that would act if they were let. */
final class HostileText {
  static final String SCRIPT =
      "</script></style></title></pre></textarea><script>window.hacked = 1</script>"
          + "<img src=\"http://127.0.0.1:9/x\" onerror=\"window.hacked = 2\">"
          + "<svg onload='window.hacked = 3'><a href=\"javascript:window.hacked = 4\">x</a>"
          + "\" autofocus onfocus=\"window.hacked = 5\" x=\"' onmouseover='window.hacked = 6"
          + "<!-- ]]> --><base href=//x><iframe srcdoc=\"<script>1</script>\"></iframe>"
          + "&lt;script&gt; &#x202e; ${7*7} {{7*7}} {% raw %} <%= 7 %> `id` $(id) %s %n\\u003cb\\u003e";

  static final String TERMINAL =
      "\u001b[31mred\u001b[2J\u001b]0;owned\u0007\u001b]8;;http://x\u0007\u009b31m\r\b\u0000\u007f";

  static final String BIDI = "\u202egnp.exe\u202c\u2066x\u2069\u200b\ufeff\u2028\u2029\ud800";

  static final String ALL =
      " " + SCRIPT + TERMINAL + BIDI + "W".repeat(500) + " =cmd|' /C calc'!A0";

  private HostileText() {}
}
