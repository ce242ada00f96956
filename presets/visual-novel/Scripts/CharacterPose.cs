using System;
using UnityEngine;

namespace Spark.VisualNovel
{
    /// <summary>How one character looks in one mood.</summary>
    [Serializable]
    public sealed class CharacterPose
    {
        [SerializeField] private string character;
        [SerializeField] private string pose;
        [SerializeField] private Sprite sprite;

        public Sprite Sprite => sprite;

        public bool Is(string wantedCharacter, string wantedPose)
        {
            return character == wantedCharacter && pose == wantedPose;
        }
    }
}
