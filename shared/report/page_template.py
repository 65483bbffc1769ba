"""The page of a run's report, as a Jinja template; a module as the style is, for its reason."""

PAGE = """\
{%- macro table_of(table) -%}
{%- if table.rows|length > 30 %}
<details>
<summary>{{ table.caption }}: {{ table.rows|length }} rows</summary>
{{ grid_of(table) }}
</details>
{%- else %}
{{ grid_of(table) }}
{%- endif %}
{%- endmacro -%}
{%- macro grid_of(table) -%}
<div class="scroll{% if table.header|length == 2 %} pairs{% endif %}" tabindex="0" role="region"
 aria-label="{{ table.caption }}">
<table>
<caption><span>{{ table.caption }}</span></caption>
<thead><tr>
{%- for heading in table.header -%}
<th scope="col"{% if heading in table.words %} class="words"{% endif %}>{{ heading }}</th>
{%- endfor -%}
</tr></thead>
<tbody>
{%- for row in table.rows %}
<tr><th scope="row">{{ row[0] }}</th>
{%- for cell in row[1:] -%}
{%- set words = table.header[loop.index] in table.words -%}
<td{% if words %} class="words"{% endif %}>{{ cell|interval }}</td>
{%- endfor -%}
</tr>
{%- endfor %}
</tbody>
{%- if table.total %}
<tfoot><tr><th scope="row">{{ table.total[0] }}</th>
{%- for cell in table.total[1:] %}<td>{{ cell }}</td>{% endfor -%}
</tr></tfoot>
{%- endif %}
</table>
</div>
{%- if table.note %}
<p class="note">{{ table.note }}</p>
{%- endif %}
{%- endmacro -%}
{%- macro picture_of(picture) -%}
<figure><img src="data:image/png;base64,{{ picture.png_base64 }}" alt="{{ picture.caption }}">
<figcaption>{{ picture.caption }}</figcaption></figure>
{%- endmacro -%}
{%- macro drawing_of(drawing) -%}
<figure class="drawn">
<div class="drawing" tabindex="0" role="region"
 aria-label="{{ drawing.title }}">{{ drawing|svg }}</div>
<figcaption>{{ drawing.caption }}</figcaption>
</figure>
{%- endmacro -%}
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy"
 content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>{{ title }}</title>
<style>{{ style }}</style>
</head>
<body>
<p class="banner">Research use only. Not a medical device; not for the care of patients.</p>
<main class="page">
<header>
<h1>{{ frame.heading }}</h1>
<p class="meta">{{ frame.meta }}</p>
{%- if frame.status %}
<p class="status{% if frame.signed %} signed{% endif %}">{{ frame.status }}</p>
{%- endif %}
<nav aria-label="Sections"><ol>
{%- for section in sections %}<li><a href="#{{ section.id }}">{{ section.title }}</a></li>
{%- endfor %}</ol></nav>
</header>
{%- for section in sections %}
<section id="{{ section.id }}"{% if section.id == "summary" %} class="lead"{% endif %}>
<h2>{{ section.title }}</h2>
{%- if section.headline %}
<dl class="headline">
{%- for item in section.headline %}
<div class="{{ item.kind }}"><dt>{{ item.label }}</dt>
<dd>{{ item.value }}<small>{{ item.detail }}</small></dd></div>
{%- endfor %}
</dl>
{%- endif %}
{%- for sentence in section.sentences %}
<p>{{ sentence|unbroken }}</p>
{%- endfor %}
{%- if section.points %}
<ul class="plain">{% for point in section.points %}<li>{{ point }}</li>{% endfor %}</ul>
{%- endif %}
{%- for drawing in section.drawings %}
{{ drawing_of(drawing) }}
{%- endfor %}
{%- if section.id == "making" %}
<div class="beside">
{%- endif %}
{%- for table in section.tables %}
<div>{{ table_of(table) }}</div>
{%- endfor %}
{%- if section.id == "making" %}
</div>
{%- endif %}
{%- for group in section.strips %}
<div>
<h3>{{ group.title }}</h3>
<div class="strip">
{%- for picture in group.pictures %}
{{ picture_of(picture) }}
{%- endfor %}
</div>
</div>
{%- endfor %}
{%- if section.pictures %}
<div class="pictures">
{%- for group in section.pictures %}
<div>
<h3>{{ group.title }}</h3>
{%- for picture in group.pictures %}
{{ picture_of(picture) }}
{%- endfor %}
</div>
{%- endfor %}
</div>
{%- endif %}
</section>
{%- endfor %}
<footer>Written by HepaFed {{ frame.hepafed }}. Every number of this report is in
<code>tidy.csv</code> beside it, and the run record in <code>run.json</code>.</footer>
</main>
</body>
</html>
"""
