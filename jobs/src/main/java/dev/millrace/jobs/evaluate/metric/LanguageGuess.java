package dev.millrace.jobs.evaluate.metric;

import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Names the language of a text: by its script where that decides, else by letters and frequent
 * words that only one of the languages of the script has. Knows the languages that IFEval asks for
 * and their nearest neighbours; anything else is the nearest of these.
 */
final class LanguageGuess {
  private static final Pattern WORD = Pattern.compile("[\\p{L}\\p{M}]+");

  private static final Map<Character.UnicodeScript, String> BY_SCRIPT =
      Map.ofEntries(
          Map.entry(Character.UnicodeScript.KANNADA, "kn"),
          Map.entry(Character.UnicodeScript.GURMUKHI, "pa"),
          Map.entry(Character.UnicodeScript.GUJARATI, "gu"),
          Map.entry(Character.UnicodeScript.TELUGU, "te"),
          Map.entry(Character.UnicodeScript.TAMIL, "ta"),
          Map.entry(Character.UnicodeScript.THAI, "th"),
          Map.entry(Character.UnicodeScript.BENGALI, "bn"),
          Map.entry(Character.UnicodeScript.HANGUL, "ko"),
          Map.entry(Character.UnicodeScript.HIRAGANA, "ja"),
          Map.entry(Character.UnicodeScript.KATAKANA, "ja"),
          Map.entry(Character.UnicodeScript.HAN, "zh"),
          Map.entry(Character.UnicodeScript.GREEK, "el"),
          Map.entry(Character.UnicodeScript.HEBREW, "he"));

  private static final Map<Character.UnicodeScript, Map<String, Set<String>>> WORDS =
      new EnumMap<>(Character.UnicodeScript.class);

  static {
    WORDS.put(
        Character.UnicodeScript.LATIN,
        Map.of(
            "en", words("the and of to in is that it for was with as on be are this you not have"),
            "de", words("der die und das ist nicht ich ein zu den mit von eine auf für sich dem"),
            "fr", words("le la les et des est une dans que pour qui sur pas du au ce il plus"),
            "es", words("el la los las que una con por para del es se como más pero su lo y"),
            "it", words("il che di la per una non sono con del della è gli le si come anche nel"),
            "pt", words("que não uma para com os do da em mais dos como mas foi ao você são"),
            "fi", words("ja on ei se että oli hän ovat mutta joka kun niin tai myös kuin sen"),
            "sw", words("na ya wa kwa ni katika za kuwa la hii kama yake hiyo watu sana pia"),
            "vi", words("và của là có không được cho một trong với người những các này đã khi"),
            "nl", words("de het een van en is dat niet op te zijn met voor die ook aan")));
    WORDS.put(
        Character.UnicodeScript.CYRILLIC,
        Map.of(
            "ru", words("и в не на что он как это по но из был для все она так же вы бы"),
            "bg", words("и на се да за от е са не това като с по ще който която но или"),
            "uk", words("і в не на що з до як це він та але для її був або й")));
    WORDS.put(
        Character.UnicodeScript.ARABIC,
        Map.of(
            "ar", words("في من على أن إلى هذا التي الذي كان مع عن هذه ما لا هو"),
            "fa", words("و در به از که این را با است برای آن یک می های تا"),
            "ur", words("کے میں ہے کی اور سے کا کو ہیں کہ پر نے یہ ایک بھی")));
    WORDS.put(
        Character.UnicodeScript.DEVANAGARI,
        Map.of(
            "hi", words("है के में की का और से को हैं यह पर एक भी कि लिए"),
            "mr", words("आहे आणि या च्या मध्ये हे ते आहेत एक होते की तर त्या ला"),
            "ne", words("छ र को मा हो छन् यो गर्न पनि एक लागि गरेको भएको बाट")));
  }

  private LanguageGuess() {}

  private static Set<String> words(String list) {
    return Set.copyOf(List.of(list.split(" ", -1)));
  }

  /** The code of a language (ISO 639-1), or {@code und} if the text has no letters. */
  static String of(String text) {
    Map<Character.UnicodeScript, Integer> scripts = new EnumMap<>(Character.UnicodeScript.class);
    text.codePoints()
        .filter(Character::isLetter)
        .forEach(c -> scripts.merge(Character.UnicodeScript.of(c), 1, Integer::sum));
    if (scripts.containsKey(Character.UnicodeScript.HIRAGANA)) {
      return "ja"; // Han letters are the greater part of many Japanese texts
    }
    Character.UnicodeScript most = null;
    for (Map.Entry<Character.UnicodeScript, Integer> script : scripts.entrySet()) {
      if (most == null || script.getValue() > scripts.get(most)) {
        most = script.getKey();
      }
    }
    if (most == null) {
      return "und";
    }
    Map<String, Set<String>> candidates = WORDS.get(most);
    return candidates == null ? BY_SCRIPT.getOrDefault(most, "und") : byWords(text, candidates);
  }

  private static String byWords(String text, Map<String, Set<String>> candidates) {
    Map<String, Integer> counts = new HashMap<>();
    Matcher matcher = WORD.matcher(text.toLowerCase(Locale.ROOT));
    while (matcher.find()) {
      candidates.forEach(
          (language, words) -> {
            if (words.contains(matcher.group())) {
              counts.merge(language, 1, Integer::sum);
            }
          });
    }
    String best = "und";
    for (String language : candidates.keySet().stream().sorted().toList()) {
      if (counts.getOrDefault(language, 0) > counts.getOrDefault(best, 0)) {
        best = language;
      }
    }
    return best;
  }
}
