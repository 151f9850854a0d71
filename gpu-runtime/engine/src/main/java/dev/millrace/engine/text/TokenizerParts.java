package dev.millrace.engine.text;

import dev.millrace.engine.text.bpe.BytePairModel;
import dev.millrace.engine.text.split.PreTokenizer;
import dev.millrace.engine.text.split.TextNormalizer;
import java.util.List;

/**
 * What a tokenizer is put together from.
 *
 * @param prefix ids in front of every text
 * @param suffix ids after every text
 */
@SuppressWarnings("ArrayRecordComponent") // handed from the reader to one constructor
record TokenizerParts(
    BytePairModel model,
    TextNormalizer normalizer,
    PreTokenizer preTokenizer,
    List<AddedToken> addedTokens,
    TokenDecoder decoder,
    TokenTable tokens,
    int[] prefix,
    int[] suffix) {}
