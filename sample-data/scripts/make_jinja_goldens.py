"""Writes sample-data/golden/jinja_snippets.jsonl: small templates rendered by Python's jinja2, set up as Hugging Face transformers
sets it up for chat templates (sandboxed, trim_blocks, lstrip_blocks, loop controls, generation tag, its own tojson).

Needs: jinja2==3.1.6, transformers==4.57.1. Usage: make_jinja_goldens.py > golden/jinja_snippets.jsonl
One line a snippet: {"source", "rendered": text or null, "error": null or the Python exception's name}. All are rendered with VARIABLES below;
the clock stands at 2025-03-07 14:05:09.
"""

import datetime
import json

from transformers.utils import chat_template_utils


class FixedClock(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return cls(2025, 3, 7, 14, 5, 9)


chat_template_utils.datetime = FixedClock

VARIABLES = {
    "text": "Hello, World",
    "padded": "  \t padded \n ",
    "uni": "Straße ǅ é 中文 😀 ﬁ",
    "quotes": "it's \"q\" \\ \n\t\r\u0001\u007f é 😀 <b>&",
    "lines": "a\n\nb\r\nc\n",
    "csv": "a,b,,c",
    "words": "the quick  brown-fox (jumps) o'er",
    "empty": "",
    "zero": 0,
    "one": 1,
    "neg": -7,
    "num": 42,
    "big": 9007199254740993,
    "fl": 3.14159,
    "whole": 2.0,
    "tiny": 0.00001,
    "huge": 1e22,
    "yes": True,
    "no": False,
    "nothing": None,
    "items": [3, 1, 2],
    "mixed": [1, "a", None, True, 2.5, [1], {"k": "v"}],
    "people": [
        {"name": "Bob", "age": 30, "tags": ["x", "y"], "active": True},
        {"name": "alice", "age": 25, "tags": [], "active": False},
        {"name": "Carol", "age": 30, "active": True},
    ],
    "conf": {"b": 1, "a": {"z": [1, 2], "y": None}, "C": "x"},
    "messages": [
        {"role": "system", "content": "Be kind."},
        {"role": "user", "content": "Hi <|im_end|> {{ 7 * 7 }}"},
        {"role": "assistant", "content": "Yo", "tool_calls": [{"function": {"name": "f", "arguments": {"x": 1, "y": [True, None]}}}]},
    ],
}

SNIPPETS = r"""
plain
{{ text }}
{{ missing }}|{{ missing.x }}
{{ text.missing }}|{{ people[0].missing }}
{{ nothing }} {{ yes }} {{ no }} {{ num }} {{ fl }} {{ whole }} {{ tiny }} {{ huge }} {{ big }}
{{ 1e16 }} {{ 1e15 }} {{ 123456789012345678 }} {{ 0.1 + 0.2 }} {{ 1.0 }} {{ 5e-324 }} {{ 1.5e300 }} {{ 100.0 * 1.1 }} {{ 0.0001 }} {{ 2.5e-5 }}
{{ 5.684341886080801e-14 }} {{ 2.0e-3 }} {{ 1.7976931348623157e308 }} {{ -0.0 }}
{{ 1_000 }} {{ 0x1F }} {{ 0b101 }} {{ 0o17 }} {{ 1_0.5_0 }} {{ 1e3 }} {{ 2.5E-3 }}
{{ mixed }}
{{ conf }}
{{ quotes }}
{{ [quotes] }}
{{ [uni, "it's", 'say "x"', "both ' \""] }}
{{ (1, 2) }} {{ (1,) }} {{ () }} {{ 1, 2 }}
{{ [1, [2, (3, 4)], {'a': {'b': none}}] }}
{{ "a\nb\tc\\d\'e\"f\x41\u00e9\U0001F600\101\d" }}
{{ 'x' "y" 'z' }}
{{ 'line \
continued' }}
{{ 1 + 2 * 3 - 4 / 2 }} {{ 7 // 2 }} {{ -7 // 2 }} {{ 7 % 3 }} {{ -7 % 3 }} {{ 2 ** 10 }} {{ 2 ** -1 }} {{ 7.5 // 2 }} {{ -7.5 % 2 }}
{{ 2 ** 3 ** 2 }} {{ -2 ** 2 }} {{ -neg }} {{ +neg }} {{ - -1 }}
{{ yes + 1 }} {{ yes * 3 }} {{ 1 / 0 }}
{{ 1 // 0 }}
{{ 'a' + 1 }}
{{ 'a' ~ 1 ~ none ~ 2.0 ~ yes }}
{{ 'ab' * 3 }} {{ [1] * 2 }} {{ 0 * 'x' }} {{ [1] + [2] }} {{ (1,) + (2,) }}
{{ 1 < 2 < 3 }} {{ 1 < 2 > 3 }} {{ 1 == 1.0 }} {{ yes == 1 }} {{ 'a' < 'b' }} {{ [1, 2] < [1, 3] }} {{ 'a' == 1 }} {{ none == missing }}
{{ 1 < 'a' }}
{{ missing == missing2 }} {{ missing == '' }} {{ missing != none }}
{{ 'ell' in text }} {{ 'x' not in text }} {{ 1 in items }} {{ 'a' in conf }} {{ 9 not in items }} {{ 'x' in missing }}
{{ 'x' in nothing }}
{{ 1 in 'abc' }}
{{ yes and no }} {{ yes or no }} {{ not yes }} {{ not not yes }} {{ empty or 'default' }} {{ 0 or none }} {{ 'a' and 'b' }} {{ not empty and yes }}
{{ not 1 == 2 }} {{ not 'x' in text }} {{ yes is true and no is false }}
{{ 'a' if yes else 'b' }} {{ 'a' if no else 'b' }} [{{ 'a' if no }}] {{ 1 if no else 2 if no else 3 }}
{{ 'yes' if items else 'no' }} {{ 'yes' if [] else 'no' }} {{ 'yes' if {} else 'no' }} {{ 'yes' if 0.0 else 'no' }} {{ 'y' if missing else 'n' }}
{{ items[0] }} {{ items[-1] }} [{{ items[9] }}] {{ items[1:] }} {{ items[:-1] }} {{ items[::-1] }} {{ items[::2] }} {{ items[5:] }} {{ items[-2:] }} {{ items[2:0:-1] }}
{{ text[0] }} {{ text[-1] }} {{ text[1:4] }} {{ text[::-1] }} {{ text[:100] }} {{ text[::3] }} [{{ text[5:2] }}] [{{ text[99] }}]
{{ uni[9] }} {{ uni[-4:] }} {{ uni[::-1] }} {{ uni | length }}
{{ conf['a']['z'][1] }} {{ conf.a.z.0 }} {{ people.0.name }} {{ people[0]['tags'][-1] }} {{ conf['missing'] is undefined }}
{{ num[0] }}|{{ nothing.x }}|{{ num.x }}
{{ missing[0] }}
{{ missing() }}
{{ text() }}
{{ {'items': 1}['items'] }} {{ {'a': 1, 'b': 2, 'a': 3} }} {{ {1: 'x', 1.0: 'y', true: 'z'} }}
{% if yes %}A{% elif no %}B{% else %}C{% endif %}{% if no %}A{% elif num == 42 %}B{% else %}C{% endif %}{% if no %}x{% else %}D{% endif %}
{% for i in items %}{{ i }}{% if not loop.last %}, {% endif %}{% endfor %}
{% for i in items %}{{ loop.index }}{{ loop.index0 }}{{ loop.revindex }}{{ loop.revindex0 }}{{ loop.first }}{{ loop.last }}{{ loop.length }}{{ loop.depth }}{{ loop.depth0 }};{% endfor %}
{% for i in items %}[{{ loop.previtem }}<{{ i }}>{{ loop.nextitem }}]{% endfor %}
{% for i in items %}{{ loop.cycle('odd', 'even') }} {% endfor %}
{% for i in [1, 1, 2, 2, 1] %}{% if loop.changed(i) %}{{ i }}{% endif %}{% endfor %}
{% for i in [] %}x{% else %}none{% endfor %}{% for i in missing %}x{% else %}undef{% endfor %}
{% for i in nothing %}x{% endfor %}
{% for i in items if i > 1 %}{{ i }}:{{ loop.index }}/{{ loop.length }} {% else %}no{% endfor %}{% for i in items if i > 9 %}x{% else %}empty{% endfor %}
{% for k, v in conf.items() %}{{ k }}={{ v }};{% endfor %}{% for k in conf %}{{ k }}{% endfor %}{% for c in 'añ😀' %}<{{ c }}>{% endfor %}
{% for a, (b, c) in [(1, (2, 3)), [4, [5, 6]]] %}{{ a }}{{ b }}{{ c }};{% endfor %}
{% for a, b in [1, 2] %}x{% endfor %}
{% for a, b in [(1, 2, 3)] %}x{% endfor %}
{% for i in range(5) %}{% if i == 1 %}{% continue %}{% endif %}{% if i == 3 %}{% break %}{% endif %}{{ i }}{% endfor %}
{% for i in range(2) %}{% for j in range(2) %}{{ loop.index }}{% if j %}{% break %}{% endif %}{% endfor %}|{{ loop.index }} {% endfor %}
{{ range(3) | list }} {{ range(1, 4) | list }} {{ range(5, 0, -2) | list }} {{ range(0) | list }} {{ range(3)[1] }}
{{ range(200000) | list }}
{% set x = 1 %}{% for i in items %}{{ x }}{% set x = x + 1 %}{{ x }} {% endfor %}{{ x }}
{% set x = 1 %}{% if yes %}{% set x = 2 %}{% endif %}{{ x }}
{% set ns = namespace(found=false, n=0) %}{% for i in items %}{% set ns.n = ns.n + i %}{% if i == 1 %}{% set ns.found = true %}{% endif %}{% endfor %}{{ ns.found }} {{ ns.n }} {{ ns.missing }}
{% set ns = namespace({'a': 1}, b=2) %}{{ ns.a }}{{ ns.b }}{{ ns['a'] }}
{% set d = {} %}{% set d.x = 1 %}
{% set a, b = 1, 2 %}{{ a }}{{ b }}{% set (c, d) = (3, 4) %}{{ c }}{{ d }}{% set t = 1, 2 %}{{ t }}{% set u = 5, %}{{ u }}
{% set body %}one {{ num }}{% for i in items %}{{ i }}{% endfor %}{% endset %}[{{ body }}] {{ body | length }}
{% set body | upper | replace('A', 'b') %}a{{ text }}{% endset %}{{ body }}
{% set x %}{% set y = 2 %}{{ y }}{% endset %}{{ x }}[{{ y }}]
{% with a = 1, b = 2 %}{{ a }}{{ b }}{% endwith %}[{{ a }}]{% set a = 5 %}{% with a = 6, b = a %}{{ a }}{{ b }}{% endwith %}
{% macro m(a, b=2, c='x') %}{{ a }}-{{ b }}-{{ c }};{% endmacro %}{{ m(1) }}{{ m(1, c='z') }}{{ m(b=3, a=1) }}{{ m() }}
{% macro m(a) %}{{ a }}{{ varargs }}{{ kwargs }}{% endmacro %}{{ m(1, 2, 3, x=4) }}
{% macro m(a) %}{{ a }}{% endmacro %}{{ m(1, 2) }}
{% macro m(a) %}{{ a }}{% endmacro %}{{ m(b=2) }}
{% macro m(a) %}{{ a }}{% endmacro %}{{ m(1, a=2) }}
{% macro fact(n) %}{% if n <= 1 %}1{% else %}{{ n * (fact(n - 1) | int) }}{% endif %}{% endmacro %}{{ fact(10) }}
{% macro wrap(tag) %}<{{ tag }}>{{ caller() }}</{{ tag }}>{% endmacro %}{% call wrap('b') %}in {{ num }}{% endcall %}
{% macro each(xs) %}{% for x in xs %}{{ caller(x, loop.index) }}{% endfor %}{% endmacro %}{% call(v, n) each(items) %}[{{ n }}:{{ v }}]{% endcall %}
{% macro m() %}{{ caller() }}{% endmacro %}{{ m() }}
{% macro m() %}x{% endmacro %}{% call m() %}y{% endcall %}
{% set g = 1 %}{% macro m() %}{{ g }}{% endmacro %}{{ m() }}{% set g = 2 %}{{ m() }}
{% macro m(x) %}{% set y = x + 1 %}{{ y }}{% endmacro %}{{ m(1) }}[{{ y }}]{{ m(1) ~ '!' }}{{ m(1) | length }}
{% macro m(a, b=a) %}{{ a }}{{ b }}{% endmacro %}{{ m(7) }}
{% macro m(*a) %}{% endmacro %}
{% filter upper %}abc {{ text }}{% endfilter %}{% filter replace('a', 'b') | title %}a cat{% endfilter %}
{% generation %}in{% set q = 1 %}{% endgeneration %}[{{ q }}]
{# comment {{ x }} #}a{#- strip -#} b {#- x #}c
{% raw %}{{ not }} {% evaluated %}{% endraw %} {%- raw -%}  x  {%- endraw -%} y
a   {{- 1 -}}   b {{ 2 -}}  c  {{- 3 }} d
a  {%- if yes -%}  b  {%- endif -%}  c
<%SPACE%>{% if yes %}
<%SPACE%>x
<%SPACE%>{% endif %}
line
<%SPACE%>{%+ if yes %}y{% endif +%}
z
{{ 'a' }}
<%SPACE%>{# c #}
b
  {{ 'indented' }}
{% set x = 1 %}

two blank
x {% if yes %} y {% endif %} z
{%- for i in items %}
  - {{ i }}
{%- endfor %}
end
{% for i in items -%}
  {{ i }},
{%- endfor %}
{% if yes %}
  a
{% else %}
  b
{% endif %}
tail
{{ '{{ "x" }}' }} {{ '{% if %}' }} {{ '}}' }} {{ "%}" }}
{{ {'a': {'b': 1}}.a.b }}{{ {'a': {'b': {}}} }}
{{ text | upper }} {{ text | lower }} {{ text | title }} {{ text | capitalize }} {{ words | title }} {{ uni | upper }} {{ uni | lower }} {{ uni | capitalize }} {{ 'ßa' | capitalize }}
[{{ padded | trim }}] [{{ 'xxaxx' | trim('x') }}] [{{ padded.strip() }}] [{{ padded.lstrip() }}] [{{ padded.rstrip() }}] {{ 'xyaxy'.strip('xy') }} {{ '\u00a0\u2003a\u200b'.strip() | length }}
{{ csv.split(',') }} {{ csv.split(',', 1) }} {{ words.split() }} {{ ' a b '.split(' ') }} {{ csv.rsplit(',', 1) }} {{ ' a  b c '.split(none, 1) }} {{ ' a  b c '.rsplit(none, 1) }} {{ ''.split() }} {{ ''.split(',') }} {{ 'a--b'.split('--')[-1] }}
{{ csv.split('') }}
{{ lines.splitlines() }} {{ lines.splitlines(true) }} {{ 'a\x1cb\u2028c'.splitlines() }}
{{ text.startswith('He') }} {{ text.endswith('ld') }} {{ text.startswith(('x', 'H')) }} {{ text.find('o') }} {{ text.rfind('o') }} {{ text.find('zz') }} {{ text.index('W') }} {{ text.count('l') }} {{ uni.find('中') }} {{ text.find('o', 5) }}
{{ text.index('zz') }}
{{ text.replace('l', 'L') }} {{ text.replace('l', 'L', 1) }} {{ 'aaa'.replace('', '-') }} {{ text | replace('o', '0') }} {{ text | replace('o', '0', 1) }} {{ 12321 | replace(2, 'x') }} {{ 'abc'.replace('b', '') }}
{{ text.upper() }} {{ text.lower() }} {{ words.title() }} {{ 'hELLO wORLD'.capitalize() }} {{ "they're 3rd".title() }} {{ 'ǆ'.title() }} {{ 'ﬁx'.title() }}
{{ 'abc'.isalpha() }} {{ '12'.isdigit() }} {{ 'a1'.isalnum() }} {{ ' \t'.isspace() }} {{ 'AB'.isupper() }} {{ 'ab1'.islower() }} {{ ''.isdigit() }} {{ '½'.isnumeric() }} {{ '1a'.isdigit() }}
{{ 'a=b=c'.partition('=') }} {{ 'a=b=c'.rpartition('=') }} {{ 'abc'.partition('x') }} {{ 'abc'.rpartition('x') }} {{ 'prefix-x'.removeprefix('prefix-') }} {{ 'x.txt'.removesuffix('.txt') }}
{{ '5'.zfill(3) }} {{ '-5'.zfill(4) }} [{{ 'a'.ljust(3) }}] [{{ 'a'.rjust(3, '.') }}] [{{ 'ab'.center(5) }}] [{{ 'a'.center(4, '*') }}] [{{ 'abc'.center(2) }}]
{{ ', '.join(['a', 'b']) }} {{ '-'.join('abc') }} {{ items | join }} {{ items | join(', ') }} {{ people | join('; ', attribute='name') }} {{ mixed | join('|') }}
{{ ', '.join([1, 2]) }}
{{ '%s is %d' | format('x', 3) }} {{ '%s' % 'a' }} {{ '%s-%s' % (1, none) }} {{ '%5.2f|%-5s|%05d|%%' % (3.14159, 'ab', 42) }} {{ '%(a)s' % {'a': 1} }} {{ '%r' % 'x' }} {{ '%.2s' % 'abc' }} {{ '%5s' % 'ab' }}
{{ '%d' % 'x' }}
{{ '%s %s' % 'x' }}
{{ '{} {}'.format(1, 'b') }} {{ '{0}{1}{0}'.format('a', 'b') }} {{ '{x}'.format(x=2) }} {{ '{{}}'.format() }} {{ '{:>5}|{:<5}|{:^5}|{:05d}|{:.2f}|{!r}'.format('a', 'b', 'c', 42, 3.14159, 'q') }}
{{ text | length }} {{ items | count }} {{ conf | length }} {{ missing | length }}
{{ num | length }}
{{ nothing | length }}
{{ missing | default('d') }} {{ empty | default('d') }} {{ empty | default('d', true) }} {{ nothing | default('d') }} {{ nothing | d('d', boolean=true) }} {{ missing | d }} {{ missing.x | default('d') }}
{{ people[0].nope | default('d') }} {{ conf.a.nope | default(5) }}
{{ items | first }} {{ items | last }} {{ text | first }} {{ text | last }} [{{ [] | first }}] [{{ [] | last }}] {{ conf | first }}
{{ items | sort }} {{ items | sort(reverse=true) }} {{ ['b', 'A', 'c'] | sort }} {{ ['b', 'A', 'c'] | sort(case_sensitive=true) }} {{ people | sort(attribute='age') | map(attribute='name') | list }} {{ people | sort(attribute='age,name') | map(attribute='name') | list }} {{ people | sort(true, attribute='age') | map(attribute='name') | list }}
{{ [1, 'a'] | sort }}
{{ items | reverse | list }} {{ text | reverse }} {{ items | max }} {{ items | min }} {{ items | sum }} {{ people | sum(attribute='age') }} {{ ['b', 'A'] | max }} {{ people | max(attribute='age') }} [{{ [] | max }}] {{ [1.5, 2] | sum }}
{{ [1, 2, 1, 3, 2] | unique | list }} {{ ['a', 'A', 'b'] | unique | list }} {{ people | unique(attribute='age') | map(attribute='name') | list }}
{{ [1, 2, 3, 4, 5] | batch(2) | list }} {{ [1, 2, 3] | batch(2, 'x') | list }}
{{ people | map(attribute='name') | list }} {{ people | map(attribute='tags', default='-') | list }} {{ ['a', 'b'] | map('upper') | join }} {{ items | map('string') | join(',') }} {{ people | map(attribute='tags.0') | list }} {{ ['ab', 'c'] | map('replace', 'a', 'x') | list }}
{{ ['a'] | map('nofilter') | list }}
{{ people | selectattr('active') | map(attribute='name') | list }} {{ people | rejectattr('active') | map(attribute='name') | list }} {{ people | selectattr('age', '>', 26) | map(attribute='name') | list }} {{ people | selectattr('tags', 'defined') | list | length }} {{ people | selectattr('name', 'equalto', 'Bob') | list | length }} {{ people | selectattr('name', 'in', ['Bob', 'Carol']) | list | length }}
{{ items | select('odd') | list }} {{ items | reject('odd') | list }} {{ [0, 1, '', 'a', none] | select | list }} {{ [0, 1, ''] | reject | list }} {{ mixed | select('string') | list }} {{ items | select('gt', 1) | list }}
{{ nothing | select | list }} {{ nothing | map('upper') | list }} {{ nothing | selectattr('x') | list }}
{{ items | map('string') | length }}
{{ (items | map('string'))[0] }}|{% set g = items | map('string') %}{{ g | list }}{{ g | list }}
{{ conf | dictsort }} {{ conf | dictsort(true) }} {{ {'a': 2, 'b': 1} | dictsort(by='value') }} {{ {'a': 2, 'b': 1} | dictsort(reverse=true) }}
{{ conf | items | list }} {{ missing | items | list }} {{ conf.keys() | list }} {{ conf.values() | list }} {{ conf.items() }} {{ conf.keys() }} {{ conf.get('b') }} {{ conf.get('nope') }} {{ conf.get('nope', 7) }} {{ dict(a=1, b=2) }} {{ dict([('x', 1)]) }}
{{ items | list }} {{ 'abc' | list }} {{ conf | list }} {{ (1, 2) | list }}
{{ '42' | int }} {{ '42.7' | int }} {{ 'x' | int }} {{ 'x' | int(5) }} {{ 3.99 | int }} {{ -3.99 | int }} {{ 'ff' | int(0, 16) }} {{ yes | int }} {{ nothing | int }} {{ ' 7 ' | int }} {{ '1e3' | int }}
{{ '1.5' | float }} {{ 'x' | float }} {{ 'x' | float(2.5) }} {{ 3 | float }} {{ '1e3' | float }} {{ yes | float }}
{{ 2.5 | round }} {{ 3.5 | round }} {{ 2.567 | round(2) }} {{ 2.1 | round(0, 'ceil') }} {{ 2.9 | round(method='floor') }} {{ 7 | round }} {{ 2.675 | round(2) }} {{ 1234.5 | round(-2) }}
{{ -5 | abs }} {{ neg | abs }} {{ -2.5 | abs }} {{ 5 | string }} {{ none | string }} {{ [1] | string }} {{ 'a b c' | wordcount }}
{{ lines | indent }}|{{ 'a\nb' | indent(2) }}|{{ 'a\n\nb' | indent(2, true) }}|{{ 'a\n\nb' | indent(2, blank=true) }}|{{ 'a\nb' | indent('> ') }}
{{ words | truncate(10) }} {{ words | truncate(10, true) }} {{ words | truncate(12, false, '!', 0) }} {{ 'short' | truncate(3, leeway=5) }}
{{ quotes | e }} {{ '<' | escape }} {{ '<b>' | safe }} {{ ('<b>' | safe) + '<i>' }} {{ ('<b>' | safe) ~ '<i>' }} {{ '<i>' + ('<b>' | e) }} {{ ('<' | e) | e }} {{ ('a' | safe) | upper }} {{ ('<b>' | safe).upper() + '<' if false else 'n' }}
{{ conf | tojson }}
{{ conf | tojson(indent=2) }}
{{ messages | tojson(indent=4) }}
{{ quotes | tojson }} {{ quotes | tojson(ensure_ascii=true) }} {{ uni | tojson }} {{ uni | tojson(true) }}
{{ mixed | tojson }} {{ [1.0, 1e22, 0.1, -0.0, 1e-7] | tojson }} {{ (1, 2) | tojson }} {{ [] | tojson(indent=2) }} {{ {} | tojson(indent=2) }} {{ {1: 2, none: 3, true: 4, 1.5: 5} | tojson }} {{ none | tojson }} {{ yes | tojson }}
{{ conf | tojson(sort_keys=true) }} {{ conf | tojson(separators=(',', ':')) }} {{ [1, [2]] | tojson(indent='--') }} {{ {'b': [], 'a': {}} | tojson(indent=1, sort_keys=true) }}
{{ missing | tojson }}
{{ {'a': missing} | tojson }}
{{ (items | map('string')) | tojson }}
{{ text is string }} {{ num is number }} {{ fl is float }} {{ num is integer }} {{ yes is boolean }} {{ yes is integer }} {{ yes is number }} {{ nothing is none }} {{ conf is mapping }} {{ items is sequence }} {{ text is sequence }} {{ conf is sequence }} {{ items is iterable }} {{ num is iterable }} {{ text is iterable }} {{ nothing is iterable }} {{ missing is iterable }}
{{ missing is defined }} {{ text is defined }} {{ missing is undefined }} {{ text is not defined }} {{ missing is none }} {{ missing.x is defined }}
{{ people[0].nope is defined }} {{ people[0].nope is not none }} {{ nothing.x is defined }}
{{ 3 is odd }} {{ 4 is even }} {{ 9 is divisibleby 3 }} {{ 9 is divisibleby(2) }} {{ 1 is eq 1 }} {{ 1 is equalto 2 }} {{ 1 is ne 2 }} {{ 2 is gt 1 }} {{ 2 is lt 1 }} {{ 2 is ge 2 }} {{ 1 is in items }} {{ 9 is not in items }} {{ 1 is sameas 1 }} {{ yes is sameas true }} {{ 1 is true }} {{ yes is true }} {{ no is false }} {{ 0 is false }}
{{ 'abc' is lower }} {{ 'ABC' is upper }} {{ range is callable }} {{ text is callable }} {{ 'upper' is filter }} {{ 'nope' is filter }} {{ 'odd' is test }}
{{ 'x' is nosuchtest }}
{{ 'x' | nosuchfilter }}
{{ yes is string or yes is boolean }} {{ 'a' if num is odd else 'b' }} {{ num is odd or 7 }} {{ num + 1 is odd }} {{ (num + 1) is odd }}
{{ 1 is odd is true }}
{{ raise_exception('no: ' ~ text) }}
{% if no %}{{ raise_exception('x') }}{% endif %}fine
{{ strftime_now('%Y-%m-%d %H:%M:%S %d %b %B %a %A %j %y %I %p %% %-d %-m %e') }}
{{ strftime_now is defined }} {{ raise_exception is defined }} {{ range is defined }} {{ nosuch is defined }}
{{ items.append(4) }}
{{ conf.update({'x': 1}) }}
{{ conf.pop('b') }}
{{ text.__class__ }}|{{ text.__class__.__mro__ }}
{{ ''.__class__.__base__ }}
{{ conf.__init__ }}
{{ items.index(1) }} {{ items.count(3) }} {{ (1, 2, 1).count(1) }}
{{ items.index(99) }}
{{ items | join(',') | upper | length }} {{ (items | first) + 1 }} {{ items | first + 1 }}
{{ text | replace('Hello', 'Bye') | upper ~ '!' }} {{ 'a' ~ 'b' | upper }} {{ -1 | abs }} {{ 2 * 3 | string }}
{{ messages[1]['content'] }} {{ messages | selectattr('role', 'equalto', 'user') | map(attribute='content') | list }}
{{ messages[2].tool_calls[0].function.arguments | tojson }} {{ messages[0].tool_calls }}{{ messages[2]['tool_calls'] is defined }}
{% for m in messages %}{% if loop.first and m.role == 'system' %}S:{{ m.content }}{% elif m.role == 'user' %}U:{{ m['content'] }}{% else %}A:{{ m.content + '</s>' }}{% endif %}{% endfor %}
{% for message in messages[::-1] %}{% set index = (messages|length - 1) - loop.index0 %}{{ index }}{{ message.role }} {% endfor %}
{% set loop_messages = messages[1:] if messages[0]['role'] == 'system' else messages %}{{ loop_messages | length }}
{%- set ns = namespace(s='') -%}{%- for m in messages -%}{%- set ns.s = ns.s ~ m.role[0] -%}{%- endfor -%}{{ ns.s }}
{{ 'x' if messages[0].role not in ['user', 'assistant'] else 'y' }} {{ (messages | length) % 2 == 1 }}
{% if messages[0]['role'] == 'system' and messages | length > 1 %}ok{% endif %}
{% include 'x' %}
{% extends 'x' %}
{% import 'x' as y %}
{% do items.append(1) %}
{% unknown %}
{% if %}{% endif %}
{% if yes %}
{% endfor %}
{{ }}
{{ 1 + }}
{{ (1 }}
{{ 'unterminated }}
{{ a b }}
{{ 1 ! 2 }}
{{ foo(a=1, 2) }}
{% set 1 = 2 %}
{% set true = 2 %}
{% break %}
{% macro m(a=1, b) %}{% endmacro %}
{{ "unclosed
{# unclosed
{% raw %} unclosed
{{ text | upper() }} {{ text | default(default_value='x') }} {{ text | upper(1) }}
{{ text.upper(1) }}
{{ text | trim(nope=1) }}
{{ dict(**{'a': 1}) }} {{ range(*[1, 4]) | list }} {{ '{}{}'.format(*['a', 'b']) }}
{{ [1, 2, 3,] }} {{ {'a': 1,} }} {{ (1, 2,) }} {{ dict(a=1,) }}
{{ 10 // 3 ~ 'x' }} {{ 1 ~ 2 + 3 }} {{ 'a' ~ 1 + 2 }}
{{ not yes or yes }} {{ not (yes or yes) }} {{ 1 in [1] and 2 in [2] }} {{ 1 not in [1] or yes }}
{{ true }} {{ True }} {{ none }} {{ None }} {{ false }} {{ False }}
{{ 9223372036854775807 }} {{ -9223372036854775807 }}
{{ items == [3, 1, 2] }} {{ (1, 2) == [1, 2] }} {{ conf == {'C': 'x', 'b': 1, 'a': {'y': none, 'z': [1, 2]}} }} {{ [1] == [1.0] }} {{ [true] == [1] }}
{{ '中'.upper() }} {{ 'ŉ'.upper() }} {{ 'ΑΣ'.lower() }} {{ 'İ'.lower() | length }} {{ 'ß'.upper() }}
"""

def snippets():
    """Each line is a snippet; those of several lines are put together again below."""
    lines = SNIPPETS.strip("\n").split("\n")
    groups = {
        "{{ 'line \\": 2, "<%SPACE%>{% if yes %}": 7, "{{ 'a' }}": 3, "{% set x = 1 %}": 3, "{%- for i in items %}": 4, "{% for i in items -%}": 3,
        "{% if yes %}": None,
    }
    at = 0
    while at < len(lines):
        count = groups.get(lines[at], 1)
        if count is None:
            count = 6 if lines[at + 1] == "  a" else 1
        yield "\n".join(lines[at : at + count]).replace("<%SPACE%>", "   ")
        at += count
    yield "a\n"
    yield "a\n\n"
    yield "a\r\nb\rc{{ 'x\r\ny' }}\r\n"
    yield "{% if yes %}\r\n x\r\n{% endif %}\r\n"
    yield "\t{% if yes %}\tx\n\t{%- endif %}\n\n y"
    yield "{{ 'x' }}\n\n{% if yes %}\n\n{{ 'y' }}\n{% endif %}\n\n"
    yield "a {% raw %}\n {{ x }} \n{% endraw %}\nb"
    yield " {% set x = 1 %} {{ x }}\n {% set y = 2 %}\n{{ y }}"
    yield "{{ '" + "x" * 300 + "' | length }}"
    yield "{{ " + "(" * 40 + "1" + ")" * 40 + " }}"


def main():
    for source in snippets():
        try:
            rendered, error = chat_template_utils._compile_jinja_template(source).render(**VARIABLES), None
        except Exception as e:
            rendered, error = None, type(e).__name__
        print(json.dumps({"source": source, "rendered": rendered, "error": error}, ensure_ascii=False))


if __name__ == "__main__":
    import sys

    if sys.argv[1:] == ["--variables"]:
        print(json.dumps(VARIABLES, ensure_ascii=False))
    else:
        main()
