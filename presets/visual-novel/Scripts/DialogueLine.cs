using System;

namespace Spark.VisualNovel
{
    /// <summary>One thing said. Without a speaker it is the narrator's; without a pose the character keeps the one it has.</summary>
    [Serializable]
    public sealed class DialogueLine
    {
        public string speaker;
        public string pose;
        public string text;
    }
}
